vcl 4.1;

backend chat {
    .host = "127.0.0.3";
    .port = "9000";
}

sub vcl_recv {
    if (req.http.Upgrade ~ "(?i)websocket") {
        return (pipe);
    }
}

sub vcl_pipe {
    # Varnish drops the hop-by-hop headers; put them back for the backend.
    if (req.http.Upgrade) {
        set bereq.http.Upgrade = req.http.Upgrade;
        set bereq.http.Connection = req.http.Connection;
    }
}
