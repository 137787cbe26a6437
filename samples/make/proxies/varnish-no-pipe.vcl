vcl 4.1;

backend chat {
    .host = "127.0.0.3";
    .port = "9000";
}
