run_as_root = true
pidfile = "prosody.pid"
data_path = "data"
log = "*console"
modules_enabled = { "websocket" }
http_ports = { 8080 }
http_interfaces = { "127.0.0.2" }
https_ports = {}
c2s_ports = {}
s2s_ports = {}
consider_websocket_secure = true
VirtualHost "localhost"
http_host = "127.0.0.2"
