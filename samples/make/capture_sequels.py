"""Siblings of failures that other scripts have, with programs of their own: TLS that refuses or leads nowhere, HTTP/2 without an answer,
SOCKS to a web server and from one side, data that is lost in one direction, a worker that is killed."""

import contextlib
import subprocess
import threading

import lab

lab.enter()

import capture_below_http
import echoes
import proxies
from lab import sample

# What the import declared belongs to its own script.
lab.REGISTRY.clear()

HOST, PORT, TLS_PORT = "127.0.0.2", 8080, 8443
URI, TLS_URI = f"ws://{HOST}:{PORT}/chat", f"wss://localhost:{TLS_PORT}/chat"


def configuration(run, text, name):
    path = run.work / name
    path.write_text(text.replace("${WORK}", str(run.work)))
    return path


def python(run, code, *within):
    """A short program of the user's; its last line is what it says."""
    command = [*within, str(lab.PYTHON), "-W", "ignore", "-c", code]
    done = subprocess.run(command, text=True, timeout=40, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    run.says("client", (done.stdout.strip().splitlines() or ["it worked"])[-1])


def wss(run, more="", trust="", uri=TLS_URI):
    python(run, "import ssl\nfrom websockets.sync.client import connect\n"
           f"context = ssl.create_default_context({trust})\n{more}\nconnect({uri!r}, ssl=context, open_timeout=3).recv()")


def trusted():
    return f"cafile={str(lab.certificates() / 'localhost.pem')!r}"


# --- TLS --------------------------------------------------------------------------------------------------------------


def caddy_without_a_certificate(name, uri, cause):
    @sample(f"{name}.pcapng", folder="tls-failures", programs=["Caddy", "websockets"], log=False, bpf=f"tcp port {TLS_PORT}",
            expect=[(1, cause, "tls-server-name-unknown", "tls")], shows=f"{cause}: the alert internal_error, as servers in Go send it")
    def made(run):
        site = f"https://shop.example:{TLS_PORT} {{\n tls internal\n respond ok\n}}\n"
        options = "{\n admin off\n auto_https disable_redirects\n skip_install_trust\n storage file_system ${WORK}/storage\n}\n"
        file = configuration(run, options + site, "Caddyfile")
        run.spawn("caddy", "run", "--config", file, "--adapter", "caddyfile", port=TLS_PORT, environment={"HOME": str(run.work)})
        wss(run, uri=uri)


caddy_without_a_certificate("caddy-other-name", TLS_URI, "the client asks Caddy for a name that it has no certificate for")
caddy_without_a_certificate("caddy-address", f"wss://127.0.0.1:{TLS_PORT}/chat", "the client connects to Caddy's address, so it names none")


@sample("client-certificate-openssl-1.3.pcapng", folder="tls-failures", programs=["OpenSSL", "websockets"], log=False, bpf=f"tcp port {TLS_PORT}",
        expect=[(1, "the server wants a client certificate in TLS 1.3 and the client has none; no key log", "tls-client-certificate-required", "tls")],
        shows="openssl s_server -Verify, TLS 1.3, no key log: the client's request crosses the encrypted alert")
def client_certificate(run):
    where = lab.certificates()
    run.spawn("openssl", "s_server", "-accept", f"127.0.0.1:{TLS_PORT}", "-cert", where / "localhost.pem", "-key", where / "localhost.key",
              "-quiet", "-tls1_3", "-Verify", "1", port=TLS_PORT, stdin=subprocess.PIPE)
    wss(run, trust=trusted())


@sample("stunnel-backend-down.pcapng", folder="tls-failures", programs=["stunnel", "websockets"], log=False, bpf=f"tcp port {TLS_PORT}",
        expect=[(1, "stunnel ends TLS and cannot reach the server behind it; no key log", "closed-without-answer", "http-status")],
        shows="stunnel completes the handshake and resets, since nothing listens behind it; TLS 1.3, no key log")
def backend_down(run):
    text = f"foreground=yes\npid=\n[chat]\naccept=127.0.0.1:{TLS_PORT}\nconnect=127.0.0.3:9000\ncert={lab.certificates()}/localhost.both\n"
    run.spawn("stunnel4", configuration(run, text, "stunnel.conf"), port=TLS_PORT)
    wss(run, trust=trusted())


@sample("tls-to-smtp.pcapng", folder="tls-failures", programs=["aiosmtpd", "websockets"], log=False, bpf=f"tcp port {TLS_PORT}",
        expect=[(1, "the port belongs to a mail server, which greets first and speaks no TLS", "not-http", "http-status")],
        also=["tls-to-plain-port"], shows="wss to the port of a mail server, which greets before the ClientHello")
def smtp(run):
    run.spawn(lab.PYTHON, "-m", "aiosmtpd", "-n", "-l", f"127.0.0.1:{TLS_PORT}", port=TLS_PORT)
    wss(run, trust=trusted())


# --- HTTP/2 -----------------------------------------------------------------------------------------------------------

SERVER = "const h2=require('http2');const s=h2.createServer({settings:{enableConnectProtocol:true}});s.on('stream',(t)=>{%s});s.listen(%d,'%s')"
CLIENT = ("const c=require('http2').connect('http://%s:%d');c.on('remoteSettings',()=>{const s=c.request({':method':'CONNECT',':protocol':'websocket',"
          "':path':'/chat',':scheme':'http',':authority':'x','sec-websocket-version':'13'});s.on('error',e=>console.log(e.message));"
          "setTimeout(()=>process.exit(),2500)})")


@sample("h2c-no-answer.pcapng", folder="http2", programs=["Node.js"], log=False, bpf=f"tcp port {PORT}",
        expect=[(1, "the server takes the CONNECT stream and never answers it", "no-answer", "http-status")],
        shows="clear HTTP/2: a WebSocket is asked for and never answered")
def h2_silent(run):
    run.spawn("node", "-e", SERVER % ("", PORT, HOST), port=PORT)
    done = subprocess.run(["node", "-e", CLIENT % (HOST, PORT)], text=True, timeout=20, stdout=subprocess.PIPE)
    run.says("client (Node.js)", done.stdout.strip() or "nothing, until it gave up after 2.5 s")


@sample("h2c-forbidden-page.pcapng", folder="http2", programs=["Node.js"], log=False, bpf=f"tcp port {PORT}", quotes=["origin not allowed"],
        expect=[(1, "the server refuses the CONNECT stream with 403 and says why in its page", "forbidden", "http-status")],
        shows="clear HTTP/2: a WebSocket is refused with 403 and a line that says why")
def h2_forbidden(run):
    answer = "t.respond({':status':403,'content-type':'text/plain'});t.end('origin not allowed\\n')"
    run.spawn("node", "-e", SERVER % (answer, PORT, HOST), port=PORT)
    done = subprocess.run(["node", "-e", CLIENT.replace("s.on('error'", "s.on('response',h=>console.log(h[':status']));s.on('error'") % (HOST, PORT)],
                          text=True, timeout=20, stdout=subprocess.PIPE)
    run.says("client (Node.js)", done.stdout.strip())


# --- SOCKS ------------------------------------------------------------------------------------------------------------

SOCKS = "import websocket\nwebsocket.create_connection('ws://127.0.0.3:9000/chat',http_proxy_host='%s',http_proxy_port=%d,proxy_type='socks5',timeout=4)"


@sample("socks-to-nginx.pcapng", folder="tunnels", programs=["nginx", "websocket-client", "python-socks"], log=False, bpf=f"tcp port {PORT}",
        expect=[(1, "the client's SOCKS setting names a web server", "socks-refused", "connect")],
        shows="a client that is told of a SOCKS server where nginx listens (`proxies/nginx-right.conf`): 400 in answer to its greeting")
def socks_to_nginx(run):
    proxies.nginx(run, "nginx-right")
    python(run, SOCKS % (HOST, PORT))


@sample("one-direction-socks-refused.pcapng", folder="capture-points", programs=["microsocks", "websocket-client", "python-socks"], log=False,
        bpf="tcp src port 1080", expect=[(1, "nothing listens behind the SOCKS server; only what it sent was captured", "socks-unreachable", "connect")],
        shows="microsocks cannot reach the server, captured in the server's direction alone")
def socks_one_direction(run):
    run.spawn("microsocks", "-i", HOST, "-p", "1080", port=1080)
    python(run, SOCKS % (HOST, 1080))


# --- the way between --------------------------------------------------------------------------------------------------


@sample("one-way-drop.pcapng", folder="silence", programs=["websockets", "Linux"], log=False, capture=False,
        bpf={"bpf": "tcp", "interface": "tosite"},
        expect=[(1, "a router drops what the server sends from a moment on, and passes what the client sends", "silent-drop", "life")],
        shows="from a moment on nothing of the server's arrives (iptables on the router between); captured at the server")
def one_way(run):
    with capture_below_http.places(run):
        run.spawn(*echoes.command("websockets"), 7000, "0.0.0.0", port=7000, namespace="site")
        drop = lambda: capture_below_http.shell("iptables -I FORWARD -p tcp --sport 7000 -j DROP")
        timer = threading.Timer(1.5, drop)
        timer.start()
        try:
            python(run, "import os, time\nfrom websockets.sync.client import connect\n"
                   "w = connect('ws://10.80.2.10:7000/chat', compression=None, ping_interval=None)\nw.send('a'); w.recv(); time.sleep(2)\nw.send('b')\n"
                   "try: w.recv(timeout=5)\nexcept TimeoutError as error: print(error, flush=True)\nos._exit(0)", "ip", "netns", "exec", "user")
        finally:
            timer.join()
            with contextlib.suppress(subprocess.CalledProcessError):
                capture_below_http.shell("iptables -F FORWARD")


@sample("gunicorn-worker-timeout.pcapng", folder="failures", programs=["gunicorn", "flask-sock", "websockets"], log=False, bpf=f"tcp port {PORT}",
        also=["reserved-bit-set", "closed-without-close-frame"],
        expect=[(1, "gunicorn kills the worker, which cannot be heard of while it serves a WebSocket, and writes a page of error 500 into the frames", "http-inside-frames", "first-frames")],
        shows="flask-sock in a synchronous worker of gunicorn with --timeout 2: HTTP in the middle of the frames")
def gunicorn(run):
    (run.work / "chat.py").write_text("import flask, flask_sock\napplication = flask.Flask('chat')\n\n@flask_sock.Sock(application).route('/chat')\n"
                                      "def chat(socket):\n    while True:\n        socket.send(socket.receive())\n")
    run.spawn(lab.PYTHON, "-m", "gunicorn", "--timeout", "2", "-b", f"{HOST}:{PORT}", "chat:application", cwd=str(run.work), port=PORT)
    python(run, f"from websockets.sync.client import connect\nw = connect({URI!r}, compression=None, ping_interval=None)\nw.send('a'); w.recv()\nw.recv()")


if __name__ == "__main__":
    lab.main("failures")
