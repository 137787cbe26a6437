"""Refusals whose answer says why: sessions of another node, certificates, sizes, captive portals, limits, codes of the application."""

import asyncio
import http.client
import json
import subprocess
import urllib.parse

import lab

lab.enter()

from aiohttp import web
from websockets.exceptions import ConnectionClosed

import echoes
import proxies
import raw
import watchers
from lab import sample
from python_endpoints import PLAIN, client, echo, server, settle
from secure import contexts

HOST, PORT = "127.0.0.2", 8080
URI = f"ws://{HOST}:{PORT}"


def attempt(run, library, uri, *arguments, times=1):
    for line in watchers.watch(library, uri, times, *arguments):
        run.says(f"client ({library})", line)


# --- sessions ---------------------------------------------------------------------------------------------------------


def nodes(run):
    for port in (9000, 9001):
        run.spawn("node", lab.MAKE / "endpoints/web_app.cjs", "socket-io", port, "127.0.0.3", port=port)


def session():
    """A Socket.IO session by long polling, as its clients begin; its id."""
    connection = http.client.HTTPConnection(HOST, PORT)
    connection.request("GET", "/socket.io/?EIO=4&transport=polling")
    opened = connection.getresponse().read()
    connection.close()
    return json.loads(opened[1:])["sid"]


def balanced(hop, start, library):
    @sample(f"session-unknown-{hop.lower()}.pcapng", programs=[hop, "socket.io", library, "Python"], log=False, bpf=f"tcp port {PORT}", quotes=["Session ID unknown"],
            expect=[(1, f"{hop} sends the upgrade to another node than the one that opened the session: `Session ID unknown` (400)", "session-unknown", "http-status")],
            shows=f"Socket.IO on two nodes behind {hop} without sticky sessions (`proxies/{hop.lower()}-round-robin.*`): the upgrade reaches the node that does not know the session")
    def made(run):
        nodes(run)
        start(run)
        attempt(run, library, f"{URI}/socket.io/?EIO=4&transport=websocket&sid={session()}")


# proxies/nginx-round-robin.conf and proxies/haproxy-round-robin.cfg
balanced("nginx", lambda run: proxies.nginx(run, "nginx-round-robin"), "websockets")
balanced("HAProxy", lambda run: proxies.haproxy(run, "haproxy-round-robin"), "ws")


@sample("session-unknown-restart.pcapng", programs=["socket.io", "ws", "Python"], log=False, bpf=f"tcp port {PORT}", quotes=["Session ID unknown"],
        expect=[(1, "the server was restarted since the session was opened: `Session ID unknown` (400)", "session-unknown", "http-status")],
        shows="Socket.IO restarted between the polling and the upgrade: the session is gone; no balancer")
def restarted(run):
    process = run.spawn("node", lab.MAKE / "endpoints/web_app.cjs", "socket-io", PORT, HOST, port=PORT)
    sid = session()
    process.kill()
    process.wait()
    run.spawn("node", lab.MAKE / "endpoints/web_app.cjs", "socket-io", PORT, HOST, port=PORT)
    attempt(run, "ws", f"{URI}/socket.io/?EIO=4&transport=websocket&sid={sid}")


@sample("socket-io-versions.pcapng", programs=["socket.io", "ws"], log=False, quotes=["Transport unknown"],
        expect=[(1, "the client speaks Engine.IO 3, the server only 4: it writes its 400, `Unsupported protocol version`, behind its own 101", "http-inside-frames", "first-frames"),
                (2, "the client asks for a transport that there is not: `Transport unknown` (400)", "bad-request", "http-status")],
        shows="Socket.IO refuses an old protocol (EIO=3) and an unknown transport, each with a body that says so, the first one behind a 101")
def versions(run):
    code = ("const {Server}=require('socket.io');const h=require('http').createServer();new Server(h);h.listen(%d,'%s')") % (PORT, HOST)
    run.spawn("node", "-e", code, port=PORT)
    attempt(run, "ws", f"{URI}/socket.io/?EIO=3&transport=websocket")
    attempt(run, "ws", f"{URI}/socket.io/?EIO=4&transport=websockets")


# --- certificates and sizes -------------------------------------------------------------------------------------------


@sample("client-certificate-nginx.pcapng", programs=["nginx", "websockets", "OpenSSL"], log=False, bpf="tcp port 8443", quotes=["No required SSL certificate was sent"],
        also=["bad-request"],
        expect=[(1, "nginx asks for a client certificate and the client has none: 400 inside TLS", "tls-client-certificate-required", "tls")],
        shows="nginx with ssl_verify_client (`proxies/nginx-client-certificate.conf`): 400, `No required SSL certificate was sent`; key log")
async def client_certificate(run):
    _, context = contexts(run)
    proxies.nginx(run, "nginx-client-certificate", port=8443)
    try:
        await client(run, "wss://localhost:8443/chat", host="127.0.0.2", ssl=context, open_timeout=3)
    except Exception as error:
        run.says("client (websockets)", f"{type(error).__name__}: {error}")
    await settle(0.2)


def too_large(name, start, cookie, quote, cause, programs, verdict=("bad-request", "http-status"), also=None):
    @sample(f"header-too-large-{name}.pcapng", programs=programs, log=False, bpf=f"tcp port {PORT}", expect=[(1, cause, *verdict)], quotes=quote, also=also,
            shows=f"a Cookie of {cookie} bytes: {cause}")
    def made(run):
        start(run)
        head, body, _ = raw.converse(PORT, host=HOST, first=raw.request(PORT, host=HOST.encode(), more=b"Cookie: session=" + b"c" * cookie + b"\r\n"))
        run.says("client (raw)", head.split(b"\r\n")[0].decode())


too_large("nginx", lambda run: proxies.nginx(run, "nginx-refusals"), 9000, ["Request Header Or Cookie Too Large"],
          "nginx takes header lines of 8 KiB at most: 400, `Request Header Or Cookie Too Large`", ["nginx", "Python"])
too_large("node", lambda run: run.spawn("node", lab.MAKE / "endpoints/echo_ws.cjs", PORT, HOST, port=PORT), 17000, None,
          "Node.js takes heads of 16 KiB at most: 431", ["Node.js", "ws", "Python"], verdict=("upgrade-refused", "http-status"), also=["bad-request"])
too_large("apache", lambda run: proxies.apache(run, "apache-no-upgrade"), 9000, ["Size of a request header field exceeds server limit"],
          "Apache takes header lines of 8190 bytes at most: 400", ["Apache", "Python"])


@sample("body-too-large.pcapng", programs=["nginx", "Python"], log=False, bpf=f"tcp port {PORT}", also=["message-too-big"], quotes=["413 Request Entity Too Large"],
        expect=[(1, "the upgrade request declares a body, larger than nginx takes (413)", "upgrade-refused", "http-status")],
        shows="an upgrade request with Content-Length 5000 through nginx with client_max_body_size 1k (`proxies/nginx-refusals.conf`): 413")
def body_too_large(run):
    proxies.nginx(run, "nginx-refusals")
    head, _, _ = raw.converse(PORT, host=HOST, first=raw.request(PORT, host=HOST.encode(), more=b"Content-Length: 5000\r\n"))
    run.says("client (raw)", head.split(b"\r\n")[0].decode())


def too_big(name, programs, start, size=3000):
    @sample(f"message-too-big-{name}.pcapng", programs=programs, log=False, bpf="tcp port 9080",
            expect=[(1, "the client's message is larger than the server takes (1009)", "message-too-big", "close")],
            shows=f"a message of {size} bytes at {programs[0]} that takes 1000: the server closes with 1009")
    async def made(run):
        start(run)
        c = await client(run, "ws://127.0.0.1:9080/chat", **PLAIN)
        try:
            await c.send("x" * size)
            await c.recv()
        except ConnectionClosed as error:
            run.says("client (websockets)", str(error))
        await settle(0.2)


too_big("ws", ["ws", "websockets"], lambda run: run.spawn("node", lab.MAKE / "endpoints/echo_ws.cjs", 9080, "127.0.0.1", '{"maxPayload":1000}', port=9080))


# --- captive portals and limits ---------------------------------------------------------------------------------------


@sample("captive-portal.pcapng", programs=["nginx", "websockets", "ws"], log=False, bpf=f"tcp port {PORT}",
        expect=[(1, "a captive portal stands in for the server: 511 and a page to log in", "captive-portal", "http-status"),
                (2, "a captive portal stands in for the server: 200 and a page to log in", "captive-portal", "http-status"),
                (3, "a captive portal sends the client to its own site to log in: 302 to another host", "captive-portal", "http-status", ["redirected"])],
        shows="what networks for guests answer before one has logged in (nginx, `proxies/nginx-refusals.conf`): 511, 200 with a form, 302 to another host")
def portal(run):
    proxies.nginx(run, "nginx-refusals")
    attempt(run, "websockets", f"{URI}/portal")
    attempt(run, "ws", f"{URI}/login")
    attempt(run, "ws", f"{URI}/away")


@sample("rate-limited-nginx.pcapng", programs=["nginx", "gorilla", "ws"], log=False, bpf=f"tcp port {PORT}",
        expect=[(1, "the first attempt works", "healthy", None), (2, "a second within a minute is one too many for nginx (429)", "rate-limited", "http-status"),
                (3, "so is a third (429)", "rate-limited", "http-status")],
        shows="nginx with limit_req (`proxies/nginx-refusals.conf`): one attempt works, two more get 429")
def limited(run):
    echoes.start(run, "gorilla", 9000, "127.0.0.3")
    proxies.nginx(run, "nginx-refusals")
    code = ("const {WebSocket}=require('ws');const s=new WebSocket('%s/limited',{perMessageDeflate:false});s.on('open',()=>s.send('hello'));"
            "s.on('message',()=>s.close(1000));s.on('close',(c)=>console.log('ended with '+c));s.on('error',(e)=>console.log(e.message))") % URI
    for _ in range(3):
        done = subprocess.run(["node", "-e", code], text=True, capture_output=True, timeout=20)
        run.says("client (ws)", done.stdout.strip())


@sample("rate-limited-retry-after.pcapng", programs=["aiohttp", "websockets"], log=False, bpf=f"tcp port {PORT}", quotes=["too many connections"],
        expect=[(1, "the server has enough connections of this user (429, Retry-After: 30)", "rate-limited", "http-status")],
        shows="aiohttp answers 429 with Retry-After and a body in JSON")
async def retry_after(run):
    async def handler(_):
        return web.json_response({"error": "too many connections for alice, 5 are open"}, status=429, headers={"Retry-After": "30"})

    application = web.Application()
    application.router.add_get("/chat", handler)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, HOST, PORT).start()
    await asyncio.to_thread(attempt, run, "websockets", f"{URI}/chat")
    await runner.cleanup()


# --- codes of the application -----------------------------------------------------------------------------------------

CODES = [(4001, "token expired"), (4003, "not a member of this room"), (4400, "Invalid message"), (4401, "Unauthorized"), (4408, "Connection initialisation timeout"),
         (4429, "Too many initialisation requests"), (4999, "")]


@sample("application-close.pcapng", programs=["websockets", "ws"], log=False,
        expect=[(number, f"the server's application closes with {code}{f', {reason}' if reason else ' and no reason'}", "application-close", "close")
                for number, (code, reason) in enumerate(CODES, 1)],
        shows="seven connections that the server's application ends with a code of its own (4000 to 4999) and a reason")
def application_close(run):
    run.spawn(lab.PYTHON, lab.MAKE / "endpoints/closes.py", 9081, port=9081)
    for code, reason in CODES:
        attempt(run, "ws", f"ws://127.0.0.1:9081/{code}/{urllib.parse.quote(reason)}")


@sample("application-close-client.pcapng", programs=["websockets"],
        expect=[(1, "the client's application closes with 4900, reconnecting", "application-close", "close"),
                (2, "the client closes with a registered code of a library, 3001: nothing is wrong", "healthy", None, ["application-close"])],
        shows="a client that ends with 4900 and a reason, and one that ends with 3001")
async def application_close_client(run):
    async with server(run, echo, port=9082, **PLAIN):
        for code, reason in ((4900, "reconnecting"), (3001, "done")):
            c = await client(run, "ws://127.0.0.1:9082/chat", **PLAIN)
            await c.send("hello")
            await c.recv()
            await c.close(code, reason)
    await settle(0.1)


if __name__ == "__main__":
    lab.main("refusals")
