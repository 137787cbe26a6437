"""Upgrade requests that a hop strips, seen at the client alone, with many hops and many servers behind; and what only looks the same."""

import contextlib

import lab

lab.enter()

import echoes
import proxies
import raw
import watchers
from lab import sample

HOST, PORT = "127.0.0.2", 8080
BACKEND, BEHIND = "127.0.0.3", 9000
URI = f"ws://{HOST}:{PORT}/chat"
SOCKET_IO = f"ws://{HOST}:{PORT}/socket.io/?EIO=4&transport=websocket"


def app(run, kind, address=BACKEND, port=BEHIND):
    """Start the application behind; its name as in the table of samples."""
    if kind in echoes.ALL:
        return echoes.start(run, kind, port, address)
    if kind in ("fastapi", "flask_sock"):
        return run.spawn(lab.PYTHON, lab.MAKE / "endpoints/web_app.py", kind, port, address, port=port)
    return run.spawn("node", lab.MAKE / "endpoints/web_app.cjs", kind, port, address, port=port)


HOPS = {
    "nginx": (lambda run: proxies.nginx(run, "nginx-no-upgrade"), "nginx-no-upgrade.conf"),
    "Apache": (lambda run: proxies.apache(run, "apache-no-upgrade"), "apache-no-upgrade.conf"),
    "Squid": (lambda run: proxies.squid(run, "squid-accelerator", port=PORT), "squid-accelerator.conf"),
    "Varnish": (lambda run: proxies.varnish(run, "varnish-no-pipe"), "varnish-no-pipe.vcl"),
    "HAProxy": (lambda run: proxies.haproxy(run, "haproxy-no-upgrade"), "haproxy-no-upgrade.cfg"),
    "lighttpd": (lambda run: proxies.lighttpd(run, "lighttpd-no-upgrade"), "lighttpd-no-upgrade.conf"),
    "nginx without its name": (lambda run: proxies.nginx(run, "nginx-nameless"), "nginx-nameless.conf"),
}
APPS = {"express": ("express", "404, `Cannot GET /chat`"), "page": ("express", "200 and a page"), "socket-io": ("socket.io", "400"),
        "fastapi": ("fastapi", "404"), "flask_sock": ("flask-sock", "400"), "tornado": ("tornado", "400"), "aiohttp": ("aiohttp", "400"),
        "gorilla": ("gorilla", "400"), "nhooyr": ("nhooyr", "426"), "em": ("em-websocket", "400")}


def attempt(run, client, uri):
    for line in watchers.watch(client, uri, 1):
        run.says(f"client ({client})", line)


def stripped(hop, kind, client, uri=URI, also=None):
    program, answer = APPS[kind]
    proxy = hop.split()[0]
    start, configuration = HOPS[hop]
    name = f"stripped-{hop.lower().replace(' without its name', '-nameless')}-{kind.replace('_', '-')}"
    uri = SOCKET_IO if kind == "socket-io" else uri
    row = [1, f"{hop} does not pass Upgrade and Connection on, so {program} behind it sees an ordinary request and answers {answer}",
           "upgrade-not-forwarded", "http-status"]

    @sample(f"{name}.pcapng", programs=[proxy, program, client], log=False, bpf=f"tcp port {PORT}", expect=[row], also=also,
            shows=f"{hop} strips Upgrade (`proxies/{configuration}`), {program} behind it answers {answer}; only the client's side is captured")
    def made(run):
        app(run, kind)
        start(run)
        attempt(run, client, uri)


stripped("nginx", "express", "websockets")
stripped("nginx", "page", "Java")
stripped("nginx", "socket-io", "ws")
stripped("nginx", "fastapi", "aiohttp")
stripped("nginx", "tornado", "ws")
stripped("Apache", "express", "ws")
stripped("Apache", "aiohttp", "websockets")
stripped("Apache", "socket-io", "websockets")
stripped("Squid", "express", "websockets")
stripped("Squid", "page", "ws")
stripped("Squid", "gorilla", "Java")
stripped("Varnish", "fastapi", "ws")
stripped("Varnish", "page", "websockets")
stripped("Varnish", "flask_sock", "aiohttp")
stripped("HAProxy", "express", "websockets", also=["not-found"])
stripped("HAProxy", "gorilla", "ws")
stripped("HAProxy", "nhooyr", "websockets")
stripped("lighttpd", "express", "websockets")
stripped("lighttpd", "tornado", "ws")
stripped("nginx without its name", "fastapi", "websockets", also=["not-found"])
stripped("nginx without its name", "page", "ws", also=["not-a-websocket-endpoint"])


# --- what only looks the same -----------------------------------------------------------------------------------------


@sample("wrong-path-express.pcapng", programs=["express", "websockets"], log=False, also=["upgrade-not-forwarded"],
        expect=[(1, "no hop at all: this server has nothing at /chat, and no WebSocket either (404)", "not-found", "http-status")],
        shows="straight to Express, which has no WebSocket: `Cannot GET /chat` (404); looks like a stripped Upgrade")
def wrong_express(run):
    app(run, "express-alone", HOST, PORT)
    attempt(run, "websockets", URI)


@sample("wrong-path-fastapi.pcapng", programs=["fastapi", "uvicorn", "ws"], log=False,
        expect=[(1, "no hop at all: the application's WebSocket is at /chat, the client asked for /chta (403 of uvicorn)", "forbidden", "http-status")],
        also=["not-found"], shows="straight to FastAPI at a path with a typing mistake: uvicorn answers 403")
def wrong_fastapi(run):
    app(run, "fastapi", HOST, PORT)
    attempt(run, "ws", f"ws://{HOST}:{PORT}/chta")


@sample("wrong-path-ws.pcapng", programs=["ws", "websockets"], log=False, also=["not-found"],
        expect=[(1, "no hop at all: npm ws serves /chat, the client asked for /chat/ (400)", "bad-request", "http-status")],
        shows="straight to npm ws at a path with a slash too many: 400")
def wrong_ws(run):
    app(run, "express", HOST, PORT)
    attempt(run, "websockets", f"{URI}/")


@sample("wrong-path-through-nginx.pcapng", programs=["nginx", "express", "websockets"], log=False, bpf=f"tcp port {PORT}",
        also=["upgrade-not-forwarded"],
        expect=[(1, "nginx passes the upgrade on as it should; the server behind has nothing at this path (404)", "not-found", "http-status")],
        shows="nginx passes Upgrade on (`proxies/nginx-right.conf`), Express behind it has no WebSocket: 404; looks like a stripped Upgrade")
def wrong_through_nginx(run):
    app(run, "express-alone")
    proxies.nginx(run, "nginx-right")
    attempt(run, "websockets", URI)


@sample("page-of-nginx.pcapng", programs=["nginx", "ws"], log=False, also=["upgrade-not-forwarded"],
        expect=[(1, "nginx has no location for /chat: the application's page is the fallback (200)", "not-a-websocket-endpoint", "http-status")],
        shows="nginx answers every path with the page of an application (`proxies/nginx-page.conf`): 200")
def page_of_nginx(run):
    (run.work / "site").mkdir()
    (run.work / "site/index.html").write_text("<!doctype html><title>Shop</title><div id=root></div>")
    proxies.nginx(run, "nginx-page")
    attempt(run, "ws", URI)


# --- clients that never asked rightly ---------------------------------------------------------------------------------


def incomplete(name, kind, drop, more, what, cause=None, verdict="upgrade-not-forwarded"):
    @sample(f"client-without-{name}.pcapng", programs=[APPS[kind][0] if kind in APPS else kind, "Python"], log=False, uncertain=True,
            expect=[(1, cause or f"no hop at all: the client itself sends {what}, and the server answers as to an ordinary request", verdict, "http-status")],
            shows=f"a client that sends {what}, straight to {kind}: captured at the client, no hop is between")
    def made(run):
        app(run, kind, HOST, PORT)
        with contextlib.suppress(OSError):
            head, rest, how = raw.converse(PORT, host=HOST, first=raw.request(PORT, host=HOST.encode(), drop=drop, more=more))
            run.says("client (raw)", head.split(b"\r\n")[0].decode() + " / " + rest[:80].decode(errors="replace"))


incomplete("upgrade", "express", (b"Upgrade",), b"", "no Upgrade header")
incomplete("connection", "gorilla", (b"Connection",), b"", "no Connection header")
incomplete("both", "tornado", (b"Connection", b"Upgrade"), b"Connection: keep-alive\r\n", "neither Upgrade nor Connection: upgrade")
incomplete("both-at-ws", "ws", (b"Connection", b"Upgrade"), b"User-Agent: my-client/0.1\r\n", "neither Upgrade nor Connection")


if __name__ == "__main__":
    lab.main("refusals")
