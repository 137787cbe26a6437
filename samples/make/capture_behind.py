"""Failures behind a proxy, seen from either side of it: plain HTTP where TLS is wanted and the other way round, a Host that the server does not
expect, headers that a hop drops; and servers that take the upgrade and write no frames, clients that stop half-way, application servers
without WebSockets."""

import contextlib
import ssl
import subprocess
import time

import lab

lab.enter()

import echoes
import proxies
import raw
import watchers
from lab import sample

HOST, PORT = "127.0.0.2", 8080
BACK, BEHIND = "127.0.0.3", 9000
URI = f"ws://{HOST}:{PORT}/chat"
ORIGIN = f"http://{HOST}:{PORT}"
CLIENT, SERVER = {"client": f"tcp port {PORT}"}, {"server": f"tcp port {BEHIND}"}
LEGS = {**CLIENT, **SERVER}


def configuration(run, text, name):
    path = run.work / name
    path.write_text(text.replace("${WORK}", str(run.work)))
    return path


def nginx(run, to, more=""):
    text = (f"daemon off; worker_processes 1; pid nginx.pid; error_log stderr; events {{}}\nhttp {{ access_log off; server {{ listen {HOST}:{PORT}; location / {{"
            f' proxy_pass {to}; proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade"; {more} }} }} }}\n')
    return run.spawn("/usr/sbin/nginx", "-p", run.work, "-c", configuration(run, text, "nginx.conf"), port=PORT)


def apache(run, rules, port=PORT, name="apache.conf"):
    modules = "".join(f"LoadModule {m}_module modules/mod_{m}.so\n" for m in ("proxy", "proxy_http", "proxy_wstunnel", "ssl"))
    text = f"Include ${{CONF}}/apache-base.conf\nListen {BACK if port == BEHIND else HOST}:{port}\n{modules}{rules}\n"
    environment = {"WORK": str(run.work), "CONF": str(proxies.CONF)}
    return run.spawn("/usr/sbin/apache2", "-D", "FOREGROUND", "-f", configuration(run, text, name), port=port, environment=environment)


def haproxy(run, rule, server=f"{BACK}:{BEHIND}"):
    text = ("defaults\n mode http\n timeout connect 2s\n timeout client 30s\n timeout server 30s\n timeout tunnel 1h\n"
            f"frontend web\n bind {HOST}:{PORT}\n default_backend chat\nbackend chat\n {rule}\n server one {server}\n")
    return run.spawn("/usr/sbin/haproxy", "-db", "-f", configuration(run, text, "haproxy.cfg"), port=PORT)


def caddy(run, site, port=PORT, name="Caddyfile"):
    options = "{\n admin off\n auto_https disable_redirects\n skip_install_trust\n storage file_system ${WORK}/storage\n}\n"
    file = configuration(run, options + site, name)
    return run.spawn("caddy", "run", "--config", file, "--adapter", "caddyfile", port=port, environment={"HOME": str(run.work)})


def tls_server(run, kind):
    """A server at the place behind the proxy that speaks TLS only."""
    where = lab.certificates()
    if kind == "Caddy":
        return caddy(run, f"https://localhost:{BEHIND} {{\n tls {where}/localhost.pem {where}/localhost.key\n bind {BACK}\n respond ok\n}}\n", BEHIND, "Behind")
    rules = f"SSLEngine On\nSSLCertificateFile {where}/localhost.pem\nSSLCertificateKeyFile {where}/localhost.key"
    return apache(run, rules, BEHIND, "behind.conf")


def attempt(run, client="websockets", uri=URI):
    for line in watchers.watch(client, uri, 1):
        run.says(f"client ({client})", line)


def python(run, code):
    """A short program of the user's; its last line is what it says."""
    done = subprocess.run([str(lab.PYTHON), "-W", "ignore", "-c", code], text=True, timeout=40, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    run.says("client (websockets)", (done.stdout.strip().splitlines() or ["it worked"])[-1])


def browser_like(run):
    """A client that names the page's origin, as browsers do."""
    python(run, f"from websockets.sync.client import connect\ntry: connect({URI!r}, origin={ORIGIN!r}, open_timeout=3).recv(timeout=1)\nexcept Exception as e: print(type(e).__name__, e)")


def node(run, code, port=PORT):
    return run.spawn("node", "-e", code, port=port)


def node_client(run, code):
    done = subprocess.run(["node", "-e", code], text=True, timeout=30, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    run.says("client (ws)", (done.stdout.strip().splitlines() or ["nothing"])[0])


# --- the proxy speaks the wrong one of plain HTTP and TLS -------------------------------------------------------------


def wrong(name, cause, programs, client, server, legs=LEGS, **options):
    """What both sides of the proxy are to be diagnosed as."""
    expect = {"client": [(1, cause, *client)], "server": [(1, cause, *server)]}
    return sample(f"{name}.pcapng", folder="proxies", programs=list(programs), log=False, legs=legs, shows=cause, expect=expect, **options)


PLAIN = ("plain-to-tls-port", "http-status")
DOWN = ("bad-gateway", "http-status")
TO_PLAIN = ("tls-to-plain-port", "tls")


@wrong("nginx-plain-to-tls-caddy", "nginx speaks plain HTTP (`proxy_pass http://`) to a TLS port of Caddy", ["nginx", "Caddy", "ws"], PLAIN, PLAIN)
def plain_to_caddy(run):
    tls_server(run, "Caddy")
    nginx(run, f"http://{BACK}:{BEHIND}")
    attempt(run, "ws")


@wrong("caddy-plain-to-tls-apache", "Caddy speaks plain HTTP to a TLS port of Apache", ["Caddy", "Apache", "websockets"], PLAIN, PLAIN, unsaid=["the proxy here (Apache"])
def plain_to_apache(run):
    tls_server(run, "Apache")
    caddy(run, f"http://{HOST}:{PORT} {{\n bind {HOST}\n reverse_proxy http://{BACK}:{BEHIND}\n}}\n")
    attempt(run)


@wrong("apache-tls-to-plain-ws", "Apache speaks TLS (`ProxyPass wss://`) to a plain port of npm ws", ["Apache", "ws", "websockets"], DOWN, TO_PLAIN)
def tls_to_ws(run):
    echoes.start(run, "ws", BEHIND, BACK)
    apache(run, f"SSLProxyEngine On\nSSLProxyVerify none\nSSLProxyCheckPeerName off\nProxyPass / wss://{BACK}:{BEHIND}/")
    attempt(run)


@sample("nginx-tls-to-plain-websockets.pcapng", folder="proxies", programs=["nginx", "websockets", "ws"], log=False, legs=LEGS, unsaid=["certificate"],
        shows="nginx speaks TLS (`proxy_pass https://`) to a plain port of websockets, which ends the connection without a word",
        expect={"client": [(1, "nginx speaks TLS to a plain port: 502", *DOWN)],
                "server": [(1, "nginx speaks TLS to a plain port, which ends the connection without a word", *TO_PLAIN, ["tls-closed-in-handshake"])]})
def tls_to_websockets(run):
    echoes.start(run, "websockets", BEHIND, BACK)
    nginx(run, f"https://{BACK}:{BEHIND}")
    attempt(run, "ws")


# --- the Host that arrives --------------------------------------------------------------------------------------------

FORBIDDEN = ("forbidden", "http-status")


@wrong("nginx-host-changed-tornado", "nginx passes its own Host on, and Tornado compares Origin with that: 403", ["nginx", "tornado", "websockets"], FORBIDDEN, FORBIDDEN)
def host_tornado(run):
    # The echo server takes any path; its check of the origin is Tornado's own.
    echoes.start(run, "tornado", BEHIND, BACK)
    nginx(run, f"http://{BACK}:{BEHIND}")
    browser_like(run)


STARLETTE = f"""
import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.routing import WebSocketRoute
async def chat(socket): await socket.accept()
application = Starlette(routes=[WebSocketRoute("/chat", chat)], middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=["chat.example"])])
uvicorn.run(application, host="{BACK}", port={BEHIND}, log_level="warning")
"""


@wrong("nginx-host-refused-starlette", "Starlette does not take the Host that nginx sends: 400, `Invalid host header`", ["nginx", "uvicorn", "websockets"],
       ("bad-request", "http-status"), ("bad-request", "http-status"))
def host_starlette(run):
    run.spawn(lab.PYTHON, "-c", STARLETTE, port=BEHIND)
    nginx(run, f"http://{BACK}:{BEHIND}")
    attempt(run)


@sample("caddy-no-such-site.pcapng", folder="refusals", programs=["Caddy", "websockets"], log=False, bpf=f"tcp port {PORT}",
        shows="Caddy has no site for the host that is asked for: 200 without content",
        expect=[(1, "Caddy has no site for this host: it answers 200 with nothing", "not-a-websocket-endpoint", "http-status")], unsaid=["with a page"])
def no_site(run):
    caddy(run, f"http://chat.example:{PORT} {{\n bind {HOST}\n reverse_proxy {BACK}:{BEHIND}\n}}\n")
    attempt(run)


# --- headers that a hop drops -----------------------------------------------------------------------------------------


@wrong("haproxy-drops-extensions", "HAProxy takes Sec-WebSocket-Extensions out of the 101, so the server compresses and the client does not know", ["HAProxy", "ws"],
       ("reserved-bit-set", "first-frames"), ("protocol-error-close", "close"))
def drops_extensions(run):
    node(run, "const {WebSocketServer}=require('ws');new WebSocketServer({port:%d,host:'%s',perMessageDeflate:{threshold:0}})"
              ".on('connection',k=>{k.on('message',m=>k.send('answer '.repeat(20)+m));k.on('error',e=>console.log(e.message))})" % (BEHIND, BACK), BEHIND)
    haproxy(run, "http-response del-header Sec-WebSocket-Extensions")
    node_client(run, f"const W=require('ws');const w=new W('{URI}');w.on('open',()=>w.send('hello '.repeat(20)));w.on('error',e=>console.log(e.message))")


@wrong("nginx-drops-subprotocol", "nginx takes Sec-WebSocket-Protocol out of the request, so the server chooses none and npm ws fails the connection", ["nginx", "ws"],
       ("subprotocol-missing", "handshake"), ("closed-without-close-frame", "close"))
def drops_subprotocol(run):
    echoes.start(run, "ws", BEHIND, BACK)
    nginx(run, f"http://{BACK}:{BEHIND}", 'proxy_set_header Sec-WebSocket-Protocol "";')
    node_client(run, f"const W=require('ws');const w=new W('{URI}',['chat.v1']);w.on('error',e=>console.log(e.message))")


# --- no frames after the 101 ------------------------------------------------------------------------------------------

TAKES = ("const c=require('crypto');const s=require('http').createServer();s.on('upgrade',(r,k)=>{"
         "const a=c.createHash('sha1').update(r.headers['sec-websocket-key']+'258EAFA5-E914-47DA-95CA-C5AB0DC85B11').digest('base64');"
         "k.write('HTTP/1.1 101 Switching Protocols\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\nSec-WebSocket-Accept: '+a+'\\r\\n\\r\\n');"
         "setTimeout(()=>{%s},100);k.on('error',e=>console.log(e.message));k.on('end',()=>k.end())});s.listen(%d,'%s')")


def no_frames(what, writes, client):
    cause = f"the server takes the upgrade and writes {what} to the socket itself, without frames"

    @sample(f"no-frames-{what.split()[-1].lower()}-{client}.pcapng", folder="violations", programs=["Node.js", client], log=False, bpf=f"tcp port {PORT}",
            shows=cause, expect=[(1, cause, "not-frames", "first-frames")], findings=["not-frames"])
    def made(run):
        node(run, TAKES % (writes, PORT, HOST))
        attempt(run, client)


no_frames("JSON", "k.write(JSON.stringify({type:'welcome',id:17})+'\\n')", "ws")
no_frames("lines of text", "k.write('Welcome to the chat, alice!\\r\\n')", "aiohttp")
no_frames("XML", "k.write('<?xml version=\"1.0\"?><stream:stream xmlns=\"jabber:client\">')", "tornado")
no_frames("JSON behind its length", "const m=Buffer.from(JSON.stringify({type:'welcome',id:17})),n=Buffer.alloc(4);n.writeUInt32BE(m.length);k.write(Buffer.concat([n,m]))", "websockets")


@sample("no-frames-client-gorilla.pcapng", folder="violations", programs=["gorilla", "Python"], log=False, bpf=f"tcp port {PORT}", findings=["not-frames"],
        shows="a client that upgrades and then writes a line of text, without frames: gorilla closes with 1002",
        expect=[(1, "the client writes text and no frames after the upgrade", "not-frames", "first-frames")])
def client_text(run):
    server = echoes.start(run, "gorilla", PORT, HOST)
    raw.converse(PORT, b"hello server\n", host=HOST, first=raw.request(PORT, host=HOST.encode()))
    for line in echoes.words(server):
        run.says("server (gorilla)", line)


# --- what stops half-way ----------------------------------------------------------------------------------------------


def half(name, cause, server, end, cut=30, **options):
    @sample(f"half-request-{name}.pcapng", folder="refusals", programs=[echoes.program(server), "Python"], log=False, bpf=f"tcp port {PORT}", shows=cause,
            expect=[(1, cause, "request-timeout", "http-status")], **options)
    def made(run):
        echoes.start(run, server, PORT, HOST)
        sock = raw.socket.create_connection((HOST, PORT))
        sock.sendall(raw.request(PORT, host=HOST.encode())[:-cut])
        end(sock)
        time.sleep(0.3)


half("client-ends", "the client sends half of its request and ends; gorilla answers 400", "gorilla", lambda sock: (time.sleep(0.3), sock.close()))
half("client-resets", "the client sends half of its request and resets", "ws", lambda sock: (time.sleep(0.3), lab.reset(sock)), unsaid=["the server waited"])
half("no-empty-line", "the client forgets the empty line after its head, and gives up waiting", "websockets", lambda sock: (time.sleep(2), sock.close()), cut=2)
half("nothing-more", "half of the request, nothing more for some seconds, and the end", "gorilla", lambda sock: time.sleep(2.5))


@sample("client-resets-at-once.pcapng", folder="below-http", programs=["ws", "Python"], log=False, bpf=f"tcp port {PORT}",
        shows="clients that open the connection and reset or end it without a byte, and one whose WebSocket works",
        expect=[(1, "the client resets before it sends anything", "client-left", "tcp"), (2, "the client ends before it sends anything", "client-left", "tcp"),
                (3, "a healthy WebSocket", "healthy", None)])
def resets_at_once(run):
    echoes.start(run, "ws", PORT, HOST)
    for leave in (lab.reset, lambda sock: sock.close()):
        sock = raw.socket.create_connection((HOST, PORT))
        time.sleep(0.1)
        leave(sock)
    raw.converse(PORT, raw.frame(raw.TEXT, b"hello"), raw.frame(raw.CLOSE, raw.close_body(1000)), host=HOST, first=raw.request(PORT, host=HOST.encode()))


UNANSWERED = "the server completes the TLS 1.2 handshake and never answers the request inside; no key log"


@sample("tls-request-unanswered.pcapng", folder="silence", programs=["OpenSSL", "websockets"], log=False, bpf=f"tcp port {PORT}", shows=UNANSWERED,
        expect=[(1, UNANSWERED, "no-answer", "http-status")])
def unanswered(run):
    where = lab.certificates()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(where / "localhost.pem", where / "localhost.key")
    context.maximum_version = ssl.TLSVersion.TLSv1_2

    def silent(sock, _):
        with context.wrap_socket(sock, server_side=True) as inside:
            inside.recv(4096)
            time.sleep(4)

    with raw.server([silent], PORT, HOST, head=False):
        python(run, "import socket, ssl\nfrom websockets.sync.client import connect\ntry: "
               f"connect('wss://localhost:{PORT}/chat', ssl=ssl.create_default_context(cafile='{where}/localhost.pem'), open_timeout=2, "
               f"sock=socket.create_connection(('{HOST}', {PORT})))\nexcept Exception as e: print(type(e).__name__, e)")


# --- servers that know no WebSockets ----------------------------------------------------------------------------------

FASTAPI = """
import fastapi, uvicorn
application = fastapi.FastAPI()
@application.websocket("/chat")
async def chat(socket: fastapi.WebSocket): await socket.accept()
"""


@sample("uvicorn-without-library.pcapng", folder="refusals", programs=["uvicorn", "fastapi", "websockets"], log=False, bpf=f"tcp port {PORT}",
        shows="uvicorn without a WebSocket library (`--ws none`): FastAPI sees an ordinary request, 404",
        expect=[(1, "uvicorn runs without a WebSocket library, so FastAPI sees an ordinary request", "upgrade-not-forwarded", "http-status")])
def without_library(run):
    run.spawn(lab.PYTHON, "-c", FASTAPI + f"uvicorn.run(application, host='{HOST}', port={PORT}, ws='none', log_level='warning')", port=PORT)
    attempt(run)


@sample("socket-io-plain-client.pcapng", folder="refusals", programs=["socket.io", "websockets"], log=False, bpf=f"tcp port {PORT}", quotes=["Transport unknown"],
        shows="a plain WebSocket client asks a Socket.IO server: 400, `Transport unknown`",
        expect=[(1, "a plain WebSocket client talks to a Socket.IO server, without EIO and transport in the URL", "bad-request", "http-status")])
def plain_client(run):
    run.spawn("node", str(lab.MAKE / "endpoints/web_app.cjs"), "socket-io", PORT, HOST, port=PORT)
    with contextlib.suppress(OSError):
        attempt(run, uri=f"ws://{HOST}:{PORT}/socket.io/")


lab.main("proxies")
