"""Endpoints that fail: refusals of every kind, handshakes and frames that break the protocol, resets and silence.

Real servers where there is one that does it; otherwise a small raw socket, which is then the only thing nobody would deploy.
"""

import asyncio
import contextlib
import socket
import struct
import subprocess
import threading
import warnings
import zlib

import lab

lab.enter()

import tornado.web
import tornado.websocket
from aiohttp import web
from websockets.asyncio.server import basic_auth
from websockets.exceptions import ConnectionClosed, InvalidHandshake

import proxies
import raw
from drafts import hixie_76
from lab import sample
from python_endpoints import PLAIN, client, echo, server, settle
from secure import contexts

warnings.simplefilter("ignore", DeprecationWarning)
PORT = 9030
URI = f"ws://127.0.0.1:{PORT}/chat"


def failing(cause, verdict, stage):
    return [(1, cause, verdict, stage)]


async def attempt(run, uri=URI, open_timeout=2, **options):
    """Connect with Python websockets; returns the connection, or None after printing what the library said."""
    try:
        return await client(run, uri, open_timeout=open_timeout, **options)
    except (InvalidHandshake, OSError, TimeoutError, EOFError) as error:
        print(f"  the client says: {type(error).__name__}: {error}")
        await settle(0.1)
        return None


async def must_fail(run, *arguments, **options):
    assert await attempt(run, *arguments, **options) is None, f"{run.name}: the attempt was meant to fail"


# --- refused with an HTTP status --------------------------------------------------------------------------------------


@sample("status-200-page.pcapng", programs=["Python", "websockets"],
        expect=failing("the address belongs to an ordinary web server, which answered with a page (200)", "not-a-websocket-endpoint", "http-status"),
        shows="Python's http.server answers the upgrade with 200 and a page")
async def status_200(run):
    (run.work / "index.html").write_text("<!doctype html><title>Welcome</title><h1>Welcome</h1>")
    run.spawn(lab.PYTHON, "-m", "http.server", "-b", "127.0.0.1", "-d", run.work, PORT, port=PORT)
    await must_fail(run, f"ws://127.0.0.1:{PORT}/")


NGINX = """daemon off;
worker_processes 1;
pid nginx.pid;
error_log stderr;
events {}
http {
    access_log off;
    server { listen 127.0.0.1:9030; %s }
}
"""


def redirects(status, where, cause, name, line):
    @sample(f"status-{name}.pcapng", programs=["nginx", "Python"], log=False,
            expect=failing(cause, "redirected", "http-status"), shows=f"nginx answers the upgrade with {status} to {where}")
    def redirected(run):
        configuration = run.work / "nginx.conf"
        configuration.write_text(NGINX % line)
        run.spawn("/usr/sbin/nginx", "-p", run.work, "-c", configuration, port=PORT)
        got = raw_client(request(path=b"/chat"))
        assert str(status).encode() in got[:20], got


def request(more=b"", drop=(), **named):
    """An upgrade request with an Origin, as browsers send it."""
    origin = b"" if b"Origin" in drop else b"Origin: http://127.0.0.1:%d\r\n" % PORT
    return raw.request(PORT, more=origin + more, drop=drop, **named)


def raw_client(first, *parts):
    """Send the parts with pauses between; returns everything received until the peer is silent or gone."""
    head, rest, _ = raw.converse(PORT, *parts, first=first, pause=0.1, wait=1.0)
    return head + raw.HEAD_END + rest


redirects(301, "https", "the server sends the client to another address (301 to https); WebSocket clients do not follow", "301-https",
          "return 301 https://localhost$request_uri;")
redirects(302, "a login page", "the server wants a login first (302 to its login page)", "302-login", "return 302 /login?next=$uri;")
redirects(307, "a path with a slash", "the path lacks its trailing slash (307)", "307-slash", "location = /chat { return 307 /chat/; }")


@sample("status-400-key.pcapng", programs=["websockets", "Python"], log=False,
        expect=failing("the key of the request is not 16 bytes in base64, so the server refuses it (400)", "key-invalid", "http-status"),
        shows="a Sec-WebSocket-Key that is no key: 400")
async def status_400(run):
    async with server(run, echo, port=PORT):
        got = await asyncio.to_thread(raw_client, request(key=b"not-a-key"))
        assert b" 400 " in got[:20], got


@sample("status-401.pcapng", programs=["websockets"],
        expect=[(1, "the server asks for credentials (401)", "authentication-required", "http-status"), (2, "with credentials it works", "healthy", None)],
        shows="HTTP basic authentication asked for (401); a second client has the password")
async def status_401(run):
    async with server(run, echo, port=PORT, process_request=basic_auth(realm="lab", credentials=("alice", "secret"))):
        await must_fail(run)
        async with client(run, f"ws://alice:secret@127.0.0.1:{PORT}/chat") as c:
            await c.send("let in")
            await c.recv()


@sample("status-403-origin.pcapng", programs=["websockets"],
        expect=failing("the server does not take requests from this Origin (403)", "forbidden", "http-status"),
        shows="an Origin that the server does not allow: 403")
async def status_403(run):
    async with server(run, echo, port=PORT, origins=["https://chat.example"]):
        await must_fail(run, origin="https://evil.example")


@sample("status-404.pcapng", programs=["aiohttp", "websockets"],
        expect=failing("there is nothing at this path (404)", "not-found", "http-status"), shows="a path that the server does not have: 404")
async def status_404(run):
    runner = web.AppRunner(web.Application())
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", PORT).start()
    await must_fail(run)
    await runner.cleanup()


def tornado_echo():
    class Handler(tornado.websocket.WebSocketHandler):
        def on_message(self, message):
            self.write_message(message)

    return tornado.web.Application([("/chat", Handler)]).listen(PORT, "127.0.0.1")


@sample("status-426-version.pcapng", programs=["tornado", "Python"], log=False,
        expect=failing("the client offers version 12, the server takes 7, 8 and 13 only (426)", "version-unsupported", "http-status"),
        shows="version 12 offered to Tornado: 426 with the list of versions")
async def status_426(run):
    listening = tornado_echo()
    got = await asyncio.to_thread(raw_client, request(version=b"12"))
    assert b" 426 " in got[:20], got
    listening.stop()


@sample("status-400-hybi-04.pcapng", folder="drafts", programs=["ws", "Python"], log=False,
        expect=failing("the client speaks the draft hybi-04 (version 4), which the server does not", "version-unsupported", "http-status"),
        shows="a client of the draft hybi-04 at npm ws: 400 with the versions it takes")
def hybi_04(run):
    node_server(run)
    origin = b"Sec-WebSocket-Origin: http://127.0.0.1\r\nSec-WebSocket-Protocol: chat, superchat\r\n"
    got = raw_client(request(version=b"4", more=origin, drop=(b"Origin",)))
    assert b" 400 " in got[:20], got


def node_server(run, path=None):
    code = ("const {WebSocketServer}=require('ws');const s=new WebSocketServer({port:%d,host:'127.0.0.1'%s});"
            "s.on('connection',(c)=>{c.on('error',()=>{});c.on('message',(d,b)=>c.send(d,{binary:b}))})") % (PORT, f",path:'{path}'" if path else "")
    run.spawn("node", "-e", code, port=PORT)


@sample("status-400-no-version.pcapng", programs=["ws", "Python"], log=False,
        expect=failing("the request has no Sec-WebSocket-Version", "version-missing", "http-status"), shows="an upgrade without Sec-WebSocket-Version at npm ws: 400")
def no_version(run):
    node_server(run)
    got = raw_client(request(drop=(b"Sec-WebSocket-Version",)))
    assert b" 400 " in got[:20], got


@sample("status-500.pcapng", programs=["websockets"],
        expect=failing("the server failed inside (500)", "server-error", "http-status"), shows="the server's handler raises before the handshake: 500")
async def status_500(run):
    def process(connection, request_):
        raise RuntimeError("the database is down")

    async with server(run, echo, port=PORT, process_request=process):
        await must_fail(run)


# --- no answer, reset, refused ----------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def raw_server(conversation, port=PORT):
    """Runs `conversation(socket, head)` in a thread for the first connection."""
    listener = socket.create_server(("127.0.0.1", port))

    def serve():
        sock, _ = listener.accept()
        sock.settimeout(5)
        with contextlib.suppress(OSError, TimeoutError):
            conversation(sock, raw.read_head(sock))
        sock.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield
    finally:
        await asyncio.to_thread(thread.join, 6)
        listener.close()


@sample("no-answer.pcapng", programs=["websockets", "Python"],
        expect=failing("the server accepted the connection and read the request, but never answered", "no-answer", "http-status"),
        shows="a server that never answers; the client gives up after 2 s")
async def no_answer(run):
    async with raw_server(lambda sock, head: raw.drain(sock, 5)):
        await must_fail(run)


@sample("reset-on-upgrade.pcapng", programs=["websockets", "Python"],
        expect=failing("the connection was reset as soon as the upgrade request arrived", "reset-on-upgrade", "http-status"),
        shows="a RST in answer to the upgrade request")
async def reset_on_upgrade(run):
    async with raw_server(lambda sock, head: lab.reset(sock)):
        await must_fail(run)


@sample("closed-on-upgrade.pcapng", programs=["websockets", "Python"],
        expect=failing("the server closed the connection without answering the upgrade request", "closed-without-answer", "http-status"),
        shows="a FIN in answer to the upgrade request")
async def closed_on_upgrade(run):
    async with raw_server(lambda sock, head: None):
        await must_fail(run)


@sample("connection-refused.pcapng", programs=["websockets"],
        expect=failing("nothing listens on the port: the connection was refused (SYN answered by RST)", "connection-refused", "tcp"),
        shows="nothing listens: SYN, RST")
async def connection_refused(run):
    await must_fail(run)


@sample("syn-unanswered.pcapng", programs=["websockets", "Linux"],
        expect=failing("the SYN was never answered: the host is down, or a firewall drops the packets", "connection-unanswered", "tcp"),
        shows="a firewall drops the SYN: it is sent again and again")
async def syn_unanswered(run):
    subprocess.run(["iptables", "-A", "INPUT", "-p", "tcp", "--dport", str(PORT), "-j", "DROP"], check=True)
    try:
        await must_fail(run, open_timeout=4)
    finally:
        subprocess.run(["iptables", "-F"], check=True)


@sample("silent-drop.pcapng", programs=["websockets", "Linux"], cut_short=True,
        expect=failing("packets are dropped silently from a certain moment on: the client's next message is retransmitted and never acknowledged",
                       "silent-drop", "life"),
        shows="a middlebox forgets the connection: the next message is retransmitted with growing pauses, no RST")
async def silent_drop(run):
    async with server(run, echo, port=PORT, **PLAIN):
        c = await client(run, URI, close_timeout=0.1, **PLAIN)
        await c.send("before")
        await c.recv()
        await settle(1.0)
        subprocess.run(["iptables", "-A", "INPUT", "-p", "tcp", "--dport", str(PORT), "-j", "DROP"], check=True)
        subprocess.run(["iptables", "-A", "INPUT", "-p", "tcp", "--sport", str(PORT), "-j", "DROP"], check=True)
        await c.send("nobody hears this")
        await settle(7)
        run.stop_captures()
        run.log.frozen = True
        c.transport.abort()
        subprocess.run(["iptables", "-F"], check=True)


@sample("foreign-reset.pcapng", programs=["websockets", "Python"], cut_short=True,
        expect=failing("something between the two ends forged a RST: its TTL, IP id and window are unlike the server's other packets", "foreign-reset", "life"),
        shows="a firewall's forged RST (TTL 250, IP id 0, window 0) in the name of the server in mid-conversation")
async def foreign_reset(run):
    forger = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    sniffer = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
    sniffer.bind(("lo", 0))
    async with server(run, echo, port=PORT, **PLAIN):
        c = await client(run, URI, **PLAIN)
        for n in range(4):
            await c.send(f"message {n}")
            await c.recv()
            await settle()
        await asyncio.to_thread(forge, sniffer, forger)
        await c.wait_closed()
        await settle(0.2)


def forge(sniffer, forger):
    """Send both ends a RST that continues the last acknowledgement seen from the server, and from the client."""
    sniffer.settimeout(0.3)
    last = {}
    with contextlib.suppress(TimeoutError):
        while True:
            packet = sniffer.recv(65536)
            tcp = packet[34:]
            source, target, sequence = struct.unpack_from("!HHI", tcp)
            length = struct.unpack_from("!H", packet, 16)[0] - 20 - (tcp[12] >> 4) * 4
            if PORT in (source, target):
                last[source] = (target, (sequence + length) & 0xFFFFFFFF)
    for source, (target, sequence) in last.items():
        forger.sendto(rst(source, target, sequence), ("127.0.0.1", 0))


def rst(source, target, sequence):
    tcp = struct.pack("!HHIIBBHHH", source, target, sequence, 0, 5 << 4, 4, 0, 0, 0)
    pseudo = socket.inet_aton("127.0.0.1") * 2 + struct.pack("!BBH", 0, 6, len(tcp))
    tcp = tcp[:16] + struct.pack("!H", checksum(pseudo + tcp)) + tcp[18:]
    # The kernel fills in an IP id of zero by itself, so the header says don't-fragment, where it keeps the zero.
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), 0, 0x4000, 250, 6, 0, socket.inet_aton("127.0.0.1"), socket.inet_aton("127.0.0.1"))
    return ip + tcp


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF


@sample("lifetime-limit.pcapng", programs=["websockets"], cut_short=True,
        expect=[(n, "each connection was ended 2 s after it opened, however busy it was", "lifetime-limit", "life") for n in range(1, 5)],
        shows="four busy connections, each ended by the server 2 s after it opened, without a close frame")
async def lifetime(run):
    async def handler(connection):
        asyncio.get_running_loop().call_later(2.0, connection.transport.close)
        await echo(connection)

    async def talk(pause):
        c = await client(run, URI, **PLAIN)
        with contextlib.suppress(ConnectionClosed):
            while True:
                await c.send("busy")
                await c.recv()
                await settle(pause)
        await c.wait_closed()

    async with server(run, handler, port=PORT, **PLAIN):
        tasks = []
        for pause in (0.1, 0.23, 0.31, 0.47):
            tasks.append(asyncio.create_task(talk(pause)))
            await settle(0.2)
        await asyncio.gather(*tasks)
        await settle(0.2)


# --- handshakes that are wrong ----------------------------------------------------------------------------------------


@sample("accept-wrong.pcapng", programs=["websockets", "Python"],
        expect=failing("Sec-WebSocket-Accept does not belong to the key of this request (it is the answer to another key)", "accept-mismatch", "handshake"),
        shows="a 101 with another connection's Sec-WebSocket-Accept; the client ends at once")
async def accept_wrong(run):
    def conversation(sock, head):
        sock.sendall(raw.response(head, value=raw.accept_value()))
        raw.drain(sock, 0.5)

    async with raw_server(conversation):
        await must_fail(run)


@sample("accept-missing.pcapng", programs=["websockets", "Python"],
        expect=failing("the 101 has no Sec-WebSocket-Accept", "accept-missing", "handshake"), shows="a 101 without Sec-WebSocket-Accept")
async def accept_missing(run):
    def conversation(sock, head):
        sock.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
        raw.drain(sock, 0.5)

    async with raw_server(conversation):
        await must_fail(run)


@sample("subprotocol-not-offered.pcapng", programs=["websockets", "Python"],
        expect=failing("the server chose the subprotocol graphql-ws, which the client did not offer", "subprotocol-not-offered", "handshake"),
        shows="a 101 with a subprotocol that was not offered; the client fails the connection")
async def subprotocol(run):
    def conversation(sock, head):
        sock.sendall(raw.response(head, b"Sec-WebSocket-Protocol: graphql-ws\r\n"))
        raw.drain(sock, 0.5)

    async with raw_server(conversation):
        await must_fail(run, subprotocols=["chat", "superchat"])


@sample("subprotocol-missing.pcapng", programs=["Chromium", "websockets"], bpf="tcp port 9003", log=False,
        expect=failing("the page asked for a subprotocol and the server chose none: browsers then fail the connection", "subprotocol-missing", "handshake"),
        shows="Chromium asks for subprotocols, the server chooses none: 101, then the browser closes")
async def subprotocol_missing(run):
    from browser import browse

    async with server(run, echo, port=9003):
        print("  the page says:", await browse(run, "ws://127.0.0.1:9003", ["chat"]))


@sample("extension-not-offered.pcapng", programs=["websockets", "Python"],
        expect=failing("the server accepted permessage-deflate, which the client did not offer", "extension-not-offered", "handshake"),
        shows="a 101 with permessage-deflate that was not offered; the client fails the connection")
async def extension(run):
    def conversation(sock, head):
        sock.sendall(raw.response(head, b"Sec-WebSocket-Extensions: permessage-deflate\r\n"))
        raw.drain(sock, 0.5)

    async with raw_server(conversation):
        await must_fail(run, **PLAIN)


@sample("closed-after-101.pcapng", programs=["websockets", "Python"],
        expect=failing("the server answered 101 and closed the connection at once, without a frame", "closed-after-handshake", "first-frames"),
        shows="101 and FIN, no frame (as a web application firewall does)")
async def closed_after_101(run):
    async with raw_server(lambda sock, head: sock.sendall(raw.response(head))):
        c = await attempt(run, **PLAIN)
        await c.wait_closed()


# --- first frames that are wrong --------------------------------------------------------------------------------------


async def watch_client(run, conversation, **options):
    async with raw_server(conversation):
        c = await attempt(run, **{**PLAIN, **options})
        with contextlib.suppress(ConnectionClosed):
            await c.send("hello")
            async for _ in c:
                pass
        print(f"  the client says: {c.close_code} {c.close_reason}")
        await settle(0.1)


@sample("rsv1-without-extension.pcapng", programs=["websockets", "Python"], log=False,
        expect=failing("the server sends compressed frames (RSV1) although permessage-deflate was not agreed", "reserved-bit-set", "first-frames"),
        shows="a compressed frame although no extension was agreed; the client closes with 1002")
async def rsv1(run):
    deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
    body = (deflater.compress(b"compressed without an agreement") + deflater.flush(zlib.Z_SYNC_FLUSH))[:-4]

    def conversation(sock, head):
        sock.sendall(raw.response(head))
        sock.recv(4096)
        sock.sendall(bytes([0xC1, len(body)]) + body)
        raw.drain(sock, 0.5)

    await watch_client(run, conversation)


@sample("masked-server.pcapng", programs=["websockets", "Python"], log=False,
        expect=failing("the server masks its frames; only a client may", "server-frame-masked", "first-frames"),
        shows="a masked frame from the server; the client closes with 1002")
async def masked_server(run):
    def conversation(sock, head):
        sock.sendall(raw.response(head))
        sock.recv(4096)
        sock.sendall(raw.frame(0x1, b"Hello"))
        raw.drain(sock, 0.5)

    await watch_client(run, conversation)


@sample("unmasked-client.pcapng", programs=["websockets", "Python"], log=False,
        expect=failing("the client does not mask its frames, so the server ends the connection (1002)", "client-frame-unmasked", "first-frames"),
        shows="unmasked frames from the client; the server closes with 1002")
async def unmasked_client(run):
    async with server(run, echo, port=PORT, **PLAIN):
        await asyncio.to_thread(raw_client, request(), bytes.fromhex("810548656c6c6f"))


@sample("invalid-utf8.pcapng", programs=["websockets", "Python"], log=False,
        expect=failing("the client's text message is not valid UTF-8, so the server ends the connection (1007)", "invalid-utf8", "close"),
        shows="a text message that is not UTF-8; the server closes with 1007")
async def invalid_utf8(run):
    async with server(run, echo, port=PORT, **PLAIN):
        await asyncio.to_thread(raw_client, request(), raw.frame(0x1, b"caf\xe9"))


@sample("too-big-1009.pcapng", programs=["websockets"], cut_short=True, log=False,
        expect=failing("the message is larger than the server takes, which ends the connection with 1009", "message-too-big", "close"),
        shows="a message over the server's limit; the server closes with 1009")
async def too_big(run):
    async with server(run, echo, port=PORT, max_size=1000, **PLAIN):
        c = await client(run, URI, **PLAIN)
        await c.send("x" * 1001)
        await c.wait_closed()


@sample("http-inside-frames.pcapng", programs=["ws", "Python"], log=False,
        expect=failing("two handlers share one socket on the server: after the 101 of the one, the other writes an HTTP 400 into the frames",
                       "http-inside-frames", "first-frames"),
        shows="npm ws, two servers on one HTTP server: the second writes `HTTP/1.1 400` into the upgraded connection")
def http_inside(run):
    code = ("const {WebSocketServer}=require('ws');const h=require('http').createServer();"
            "for(const path of ['/chat','/other']){const s=new WebSocketServer({server:h,path});"
            "s.on('connection',(c)=>{c.on('error',()=>{});c.on('message',(d,b)=>c.send(d,{binary:b}))})}"
            f"h.listen({PORT},'127.0.0.1')")
    run.spawn("node", "-e", code, port=PORT)
    got = raw_client(request(), raw.frame(0x1, b"Hello"))
    assert b"101" in got[:20] and b"HTTP/1.1 400" in got[20:], got


@sample("frames-parsed-as-http.pcapng", programs=["HAProxy", "Python"], log=False,
        expect=failing("a proxy in between goes on reading HTTP after the upgrade: it answers the first frame with an HTTP error", "frames-parsed-as-http", "first-frames"),
        shows="a transparent proxy that lets the 101 pass and then answers the first frame with 400")
async def frames_as_http(run):
    def conversation(sock, head):
        sock.sendall(raw.response(head))
        sock.recv(4096)
        sock.sendall(b"HTTP/1.1 400 Bad Request\r\nServer: proxy\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")

    await watch_client(run, conversation)


# --- drafts -----------------------------------------------------------------------------------------------------------


@sample("hixie-76.pcapng", folder="drafts", programs=["websocket-driver", "Python"], log=False,
        expect=failing("the client speaks the draft hixie-76; this server still does, most do not", "draft-version-accepted", "handshake"),
        shows="the draft hixie-76: two keys, eight bytes after the header, frames between 00 and FF")
def hixie(run):
    run.spawn("node", lab.MAKE / "endpoints/driver_server.cjs", PORT, ready="ready")
    got = hixie_76("127.0.0.1", PORT, messages=["Hello", "from 2010"])
    assert b"Hello" in got, got


@sample("hixie-76-refused.pcapng", folder="drafts", programs=["ws", "Python"], log=False,
        expect=failing("the client speaks the draft hixie-76, the server only RFC 6455 (400)", "draft-version", "http-status"),
        shows="a hixie-76 client at npm ws: 400")
def hixie_refused(run):
    node_server(run)
    got = hixie_76("127.0.0.1", PORT)
    assert b" 400 " in got[:20], got


@sample("hybi-08.pcapng", folder="drafts", programs=["ws", "Python"], log=False,
        shows="version 8 (the drafts hybi-08 to -12) with Sec-WebSocket-Origin at npm ws: accepted, framed like RFC 6455")
def hybi_08(run):
    node_server(run)
    origin = b"Sec-WebSocket-Origin: http://127.0.0.1:9030\r\n"
    got = raw_client(request(version=b"8", more=origin, drop=(b"Origin",)), raw.frame(0x1, b"Hello"),
                     raw.frame(0x8, b"\x03\xe8"))
    assert b"101" in got[:20] and b"\x81\x05Hello" in got, got


# --- TLS --------------------------------------------------------------------------------------------------------------


def corporate(run):
    """A certificate for localhost from an authority that the client does not know."""
    def openssl(*arguments):
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)

    here = run.work
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", here / "ca.key", "-out", here / "ca.pem", "-days", "30",
            "-subj", "/O=Example Corp/CN=Example Corp Web Proxy CA")
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", here / "site.key", "-out", here / "site.csr", "-subj", "/CN=localhost")
    openssl("x509", "-req", "-in", here / "site.csr", "-CA", here / "ca.pem", "-CAkey", here / "ca.key", "-days", "30", "-out", here / "site.pem")
    return here / "site.pem", here / "site.key"


def corporate_server(run):
    import ssl
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*corporate(run))
    return server(run, echo, port=PORT, ssl=context)


@sample("tls-alert-unknown-ca.pcapng", programs=["OpenSSL", "websockets"],
        expect=failing("the client does not trust the certificate's issuer, a proxy's own authority (TLS alert unknown_ca)", "tls-certificate-untrusted", "tls"),
        shows="TLS 1.2: a certificate issued by `Example Corp Web Proxy CA`; the client (openssl s_client) sends the alert unknown_ca")
async def unknown_ca(run):
    async with corporate_server(run):
        await asyncio.to_thread(subprocess.run, [
            "openssl", "s_client", "-connect", f"127.0.0.1:{PORT}", "-servername", "localhost", "-tls1_2", "-verify_return_error",
            "-CAfile", lab.certificates() / "localhost.pem"], capture_output=True, stdin=subprocess.DEVNULL, timeout=10)


@sample("tls-closed-after-certificate.pcapng", programs=["websockets", "OpenSSL"],
        expect=failing("the client closed after it saw the certificate, which a proxy's own authority issued; it sent no alert", "tls-closed-in-handshake", "tls"),
        shows="TLS 1.2: the same certificate; Python's asyncio closes without an alert")
async def closed_after_certificate(run):
    _, client_context = contexts(run, "1.2", log_keys=False)
    async with corporate_server(run):
        await must_fail(run, f"wss://localhost:{PORT}/", host="127.0.0.1", ssl=client_context)


@sample("tls-alert-chromium.pcapng", programs=["Chromium", "websockets"], bpf="tcp port 9446", log=False,
        expect=failing("the browser does not trust the self-signed certificate (TLS alert certificate_unknown)", "tls-certificate-untrusted", "tls"),
        shows="Chromium and a self-signed certificate over TLS 1.3, with its key log: alert certificate_unknown")
async def chromium_alert(run):
    from browser import browse

    server_context, _ = contexts(run, log_keys=False)
    async with server(run, echo, port=9446, ssl=server_context):
        print("  the page says:", await browse(run, "wss://localhost:9446", ["chat"], environment={"SSLKEYLOGFILE": str(run.keys)}))


@sample("tls-version-alert.pcapng", programs=["websockets", "OpenSSL"],
        expect=failing("the server takes TLS 1.2 at least, the client offers 1.1 at most (TLS alert protocol_version)", "tls-version-unsupported", "tls"),
        shows="a TLS 1.1 client at a TLS 1.2 server: alert protocol_version")
async def version_alert(run):
    where = lab.certificates()
    run.spawn("openssl", "s_server", "-accept", f"127.0.0.1:{PORT}", "-cert", where / "localhost.pem", "-key", where / "localhost.key", "-tls1_2", port=PORT,
              stdin=subprocess.PIPE)
    _, client_context = contexts(run, "1.1", log_keys=False)
    await must_fail(run, f"wss://localhost:{PORT}/", host="127.0.0.1", ssl=client_context)


@sample("tls-to-plain-port.pcapng", programs=["websockets", "OpenSSL"],
        expect=failing("the client speaks TLS (wss) to a port that speaks plain HTTP (ws)", "tls-to-plain-port", "tls"),
        shows="wss:// to a port without TLS: the ClientHello is answered by an HTTP error")
async def tls_to_plain(run):
    _, client_context = contexts(run, log_keys=False)
    configuration = run.work / "nginx.conf"
    configuration.write_text(NGINX % "")
    run.spawn("/usr/sbin/nginx", "-p", run.work, "-c", configuration, port=PORT)
    await must_fail(run, f"wss://localhost:{PORT}/", host="127.0.0.1", ssl=client_context)


@sample("plain-to-tls-port.pcapng", programs=["websockets", "nginx"],
        expect=failing("the client speaks plain HTTP (ws) to a port that wants TLS (wss)", "plain-to-tls-port", "http-status"),
        shows="ws:// to a TLS port of nginx: 400, `The plain HTTP request was sent to HTTPS port`")
async def plain_to_tls(run):
    lab.certificates()
    proxies.nginx(run, "nginx-tls", port=8443)
    await must_fail(run, "ws://127.0.0.2:8443/chat")


@sample("alpn-h2-upgrade.pcapng", programs=["Hypercorn", "Python", "OpenSSL"], log=False,
        expect=failing("ALPN chose h2, and the client then sent an HTTP/1.1 upgrade", "alpn-h2-http11-upgrade", "tls"),
        shows="ALPN offers h2 and http/1.1, the server takes h2, the client sends an HTTP/1.1 upgrade all the same (key log)")
async def alpn(run):
    from http2_endpoints import hypercorn_server

    where = lab.certificates()
    _, context = contexts(run, alpn=["h2", "http/1.1"])
    async with hypercorn_server(PORT, tls=(where / "localhost.pem", where / "localhost.key")):
        reader, writer = await asyncio.open_connection("127.0.0.1", PORT, ssl=context, server_hostname="localhost")
        writer.write(request())
        with contextlib.suppress(TimeoutError, ConnectionError):
            print("  the client got", await asyncio.wait_for(reader.read(200), 2))
        writer.close()
        await settle(0.2)


@sample("h2-no-connect-protocol.pcapng", programs=["nginx", "h2"], bpf=f"tcp port {PORT}", log=False,
        expect=failing("the server never announced SETTINGS_ENABLE_CONNECT_PROTOCOL, and refuses the extended CONNECT", "h2-connect-protocol-missing", "http-status"),
        shows="extended CONNECT to a server (nginx, clear HTTP/2) that has not announced SETTINGS_ENABLE_CONNECT_PROTOCOL")
async def no_connect_protocol(run):
    import wsproto.connection
    from http2_endpoints import Client

    configuration = run.work / "nginx.conf"
    configuration.write_text((NGINX % "").replace("9030;", "9030 http2;"))
    run.spawn("/usr/sbin/nginx", "-p", run.work, "-c", configuration, port=PORT)
    c = await Client(wsproto.connection.Connection).open("127.0.0.1", PORT)
    assert await c.websocket(wait=False) is None
    await settle(0.1)
    print("  the client got", c.responses, c.ended)
    await c.close()


if __name__ == "__main__":
    lab.main("failures")
