"""What is seldom and easily misread: reserved bits under deflate, pages inside frames, forged resets, clients that leave at once, drafts by name only,
101s that carry a body.
"""

import contextlib
import socket
import struct
import time
import zlib

import lab

lab.enter()

from websockets.exceptions import InvalidHandshake

import echoes
import proxies
import raw
import watchers
from drafts import hixie_76
from lab import sample
from python_endpoints import PLAIN, client, echo, server, settle

PORT = 9100
URI = f"ws://127.0.0.1:{PORT}/chat"
DEFLATE = b"Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover\r\n"


def deflated(text):
    deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
    return (deflater.compress(text) + deflater.flush(zlib.Z_SYNC_FLUSH))[:-4]


# --- reserved bits where deflate was agreed on ------------------------------------------------------------------------

BITS = {
    "RSV1 on a ping": [raw.frame(raw.PING, b"p", rsv=4)],
    "RSV1 on a continuation": [raw.frame(raw.TEXT, deflated(b"one ")[:4], fin=False, rsv=4), raw.frame(0x0, b"rest", rsv=4)],
    "RSV2": [raw.frame(raw.TEXT, b"hello", rsv=2)],
    "RSV1 on bytes that are no deflate": [raw.frame(raw.TEXT, b"\xff\xff\xff\xff plain text", rsv=4)],
}


def bits_at(library):
    @sample(f"reserved-bits-deflate-{library}.pcapng", programs=[library, "Python"], log=False, unsaid=["agreed to none"],
            shows=f"permessage-deflate is agreed on with {library}, then a raw client sends RSV1 on a ping, on a continuation, RSV2, and RSV1 on bytes that are no deflate")
    def made(run):
        command = ["node", lab.MAKE / "endpoints/echo_ws.cjs", PORT, "127.0.0.1", '{"perMessageDeflate":true}'] if library == "ws" else [lab.PYTHON, "-c", DEFLATING]
        process = run.spawn(*command, port=PORT)
        run.expect = []
        for number, (what, frames) in enumerate(BITS.items(), 1):
            head, got, how = raw.converse(PORT, raw.frame(raw.TEXT, deflated(b"hello"), rsv=4), *frames, first=raw.request(PORT, more=DEFLATE))
            assert b"permessage-deflate" in head, head
            answer = raw.close_of(got)
            verdict = ("deflate-invalid", "first-frames") if "no deflate" in what else ("reserved-bit-set", "first-frames")
            run.expect.append((number, f"deflate is agreed on; the client sends {what}; the server answers {answer or how}", *verdict, ["frame-invalid"]))
            print(f"  {run.expect[-1][1]}")
        for line in echoes.words(process):
            run.says(f"server ({library})", line)


DEFLATING = ("import asyncio\nfrom websockets.asyncio.server import serve\nasync def h(c):\n async for m in c: await c.send(m)\n"
             f"async def main():\n async with serve(h,'127.0.0.1',{PORT},ping_interval=None): await asyncio.get_running_loop().create_future()\nasyncio.run(main())")
bits_at("ws")
bits_at("websockets")


# --- pages inside frames ----------------------------------------------------------------------------------------------


def inside(name, text, library, shows):
    """npm ws upgrades; another listener of the same event, as proxies' error handlers are, writes into the socket as well."""

    @sample(f"http-inside-frames-{name}.pcapng", programs=["ws", "Node.js", library], log=False, shows=shows,
            also=["frames-parsed-as-http"] if name == "502" else None,
            expect=[(1, "two listeners for `upgrade` on one Node server: after the 101 of the one, the other writes its error page into the frames", "http-inside-frames", "first-frames")])
    def made(run):
        code = ("const {WebSocketServer}=require('ws');const h=require('http').createServer();new WebSocketServer({server:h,path:'/chat'}).on('connection',(c)=>c.on('error',(e)=>console.log(e.message)));"
                f"h.on('upgrade',(q,s)=>setTimeout(()=>s.end({text}),100));h.listen({PORT},'127.0.0.1')")
        run.spawn("node", "-e", code, port=PORT)
        for line in watchers.watch(library, URI, 1):
            run.says(f"client ({library})", line)


inside("html", "'<!doctype html><html><head><title>502 Bad Gateway</title></head><body>upstream is down</body></html>'", "websockets",
       "npm ws and an error handler on one server: a bare HTML page behind the 101")
inside("502", "'HTTP/1.1 502 Bad Gateway\\r\\nContent-Type: text/html\\r\\nConnection: close\\r\\n\\r\\n<h1>502</h1>'", "ws",
       "npm ws and an error handler on one server: `HTTP/1.1 502` and a page behind the 101")


# --- forged resets ----------------------------------------------------------------------------------------------------


@sample("foreign-reset-both.pcapng", programs=["websockets", "Python"], cut_short=True, bpf=f"tcp port {PORT}",
        expect=[(1, "something between the two ends forged RSTs to both of them: TTL 61, IP id 0xbeef and window 502 are unlike those of the ends", "foreign-reset", "life")],
        shows="RSTs forged in both directions in mid-conversation (TTL 61, an IP id of its own), as some filters send them in threes")
async def reset_both(run):
    forger = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    sniffer = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
    sniffer.bind(("lo", 0))
    async with server(run, echo, port=PORT, **PLAIN):
        c = await client(run, URI, **PLAIN)
        for n in range(4):
            await c.send(f"message {n}")
            await c.recv()
            await settle(0.1)
        sniffer.setblocking(False)
        last = {}
        with contextlib.suppress(BlockingIOError):
            while True:
                packet = sniffer.recv(65536)[14:]
                tcp = packet[(packet[0] & 15) * 4:]
                source, destination, sequence, acknowledgment = struct.unpack("!HHII", tcp[:12])
                last[source] = (destination, sequence, acknowledgment, len(packet) - (packet[0] & 15) * 4 - (tcp[12] >> 4) * 4)
        here = c.local_address[1]
        for source, destination in ((PORT, here), (here, PORT)):
            _, sequence, acknowledgment, size = last[source]
            for further in (0, 1460, 2920):
                forger.sendto(forged(source, destination, sequence + size + further, acknowledgment), ("127.0.0.1", 0))
        await settle(0.3)
        c.transport.abort()
        await settle(0.2)


def forged(source, destination, sequence, acknowledgment):
    tcp = struct.pack("!HHIIBBHHH", source, destination, sequence & 0xFFFFFFFF, acknowledgment, 5 << 4, 0x14, 502, 0, 0)
    address = socket.inet_aton("127.0.0.1")
    total = sum(struct.unpack("!16H", address + address + struct.pack("!BBH", 0, 6, len(tcp)) + tcp))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    tcp = tcp[:16] + struct.pack("!H", ~total & 0xFFFF) + tcp[18:]
    return struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), 0xBEEF, 0, 61, 6, 0, address, address) + tcp


# --- clients that leave at once ---------------------------------------------------------------------------------------


def leaves(name, how, shows):
    @sample(f"client-leaves-{name}.pcapng", programs=["Python"], log=False, shows=shows, unsaid=["after at once"],
            expect=[(1, f"the client itself leaves at once after its request ({how}), before the server, which takes 0.5 s, could answer", "no-answer", "http-status",
                     ["unfinished", "closed-without-answer", "reset-on-upgrade", "closed-without-close-frame"])])
    def made(run):
        def conversation(sock, head):
            time.sleep(0.5)
            with contextlib.suppress(OSError):
                sock.sendall(raw.response(head))
                raw.drain(sock, 0.3)

        with raw.server([conversation], PORT):
            sock = socket.create_connection(("127.0.0.1", PORT))
            sock.sendall(raw.request(PORT))
            lab.reset(sock) if how == "RST" else sock.close()
            time.sleep(0.8)


leaves("fin", "FIN", "a client that sends its request and a FIN at once; the server would have answered after 0.5 s")
leaves("rst", "RST", "a client that sends its request and a RST at once")


# --- HTTP/1.0 behind nginx, and hixie-76 beside a 502 -----------------------------------------------------------------


@sample("nginx-http10-upgrade.pcapng", programs=["nginx", "websockets"], legs=proxies.LEGS, log=False, folder="proxies", expect={
            "client": [(1, "nginx speaks HTTP/1.0 to the server, though it passes Upgrade on (proxy_http_version 1.1 is missing)", "http-version-too-old", "http-status", ["upgrade-not-forwarded"])],
            "server": [(1, "the upgrade request came in HTTP/1.0, with Upgrade; RFC 6455 asks for 1.1 or later", "http-version-too-old", "http-status")]},
        shows="nginx passes Upgrade and Connection on, but in HTTP/1.0 (`proxies/nginx-http10-upgrade.conf`): the server refuses")
async def http10_upgrade(run):
    proxies.nginx(run, "nginx-http10-upgrade")
    async with server(run, echo, host="127.0.0.3", port=9000):
        try:
            await client(run, "ws://127.0.0.2:8080/chat")
        except (InvalidHandshake, OSError, EOFError) as error:
            run.says("client (websockets)", f"{type(error).__name__}: {error}")
        await settle(0.2)


@sample("hixie-76-bad-gateway.pcapng", programs=["nginx", "Python"], bpf="tcp port 8080", log=False, folder="drafts",
        expect=[(1, "the draft hixie-76 through nginx whose server is down: nginx answers 502 itself", "bad-gateway", "http-status")],
        shows="a hixie-76 client through nginx, whose server is down: 502")
def hixie_gateway(run):
    proxies.nginx(run, "nginx-right")
    run.says("client (raw)", hixie_76("127.0.0.2", 8080, wait=1.5)[:28].decode())


# --- drafts by name only ----------------------------------------------------------------------------------------------


def old_frame(opcode, payload):
    """A client's frame of hybi-04 to -06: a key of four bytes first, and everything behind it masked with it, header and all."""
    body = bytes([0x80 | opcode, len(payload)]) + payload
    key = b"\x5a\x13\x9c\xe7"
    return key + bytes(b ^ key[n % 4] for n, b in enumerate(body))


def draft(version, library, kind, frames, expect, shows, findings=None):
    @sample(f"version-{version}-{kind}.pcapng", programs=[library, "Python"], log=False, folder="drafts", shows=shows, findings=findings, expect=[(1, *expect)],
            also=["draft-version-accepted"])
    def made(run):
        if library == "em-websocket":
            process = echoes.start(run, "em", PORT)
        else:
            process = run.spawn("node", lab.MAKE / "endpoints/driver_server.cjs", PORT, "127.0.0.1", library, ready="ready")
        origin = b"Sec-WebSocket-Origin: http://127.0.0.1\r\n"
        head, got, how = raw.converse(PORT, *frames, first=raw.request(PORT, version=version.encode(), more=origin), wait=1)
        run.says("client (raw)", f"{head.splitlines()[0].decode()}; got {got[:30]!r}, then {how}")
        for line in echoes.words(process):
            run.says(f"server ({library})", line)


RFC = [raw.frame(raw.TEXT, b"hello"), raw.frame(raw.PING, b"ping"), raw.frame(raw.TEXT, b"and again"), raw.frame(raw.CLOSE, raw.close_body(1000))]
for each in ("4", "6", "7"):
    draft(each, "websocket-driver-lenient", "rfc-frames", RFC, (f"the client names version {each} and both sides frame as RFC 6455 does; it works", "healthy", None),
          f"`Sec-WebSocket-Version: {each}` at websocket-driver 0.3, which takes any and frames as RFC 6455 does; so does the client")
draft("6", "em-websocket", "draft-frames", [old_frame(4, b"hello"), old_frame(2, b"ping"), old_frame(1, raw.close_body(1000))],
      ("the client speaks the draft hybi-06, and so does the server (em-websocket)", "draft-version-accepted", "handshake"),
      "`Sec-WebSocket-Version: 6` with the draft's own frames (the masking key before everything) at em-websocket")


# --- 101s with a body -------------------------------------------------------------------------------------------------


def with_body(name, more, body, library, expect, shows, also=None):
    def conversation(sock, head):
        sock.sendall(raw.response(head, more) + body)
        raw.drain(sock, 0.3)
        with contextlib.suppress(OSError):
            sock.sendall(raw.frame(raw.TEXT, b"hello", mask=False) + raw.frame(raw.CLOSE, raw.close_body(1000), mask=False))
            raw.drain(sock, 0.4)

    @sample(f"101-{name}-{library.lower()}.pcapng", programs=[library, "Python"], log=False, expect=[(1, *expect)], shows=shows, also=also)
    def made(run):
        with raw.server([conversation], PORT):
            for line in watchers.watch(library, URI, 1):
                run.says(f"client ({library})", line)


BROKEN = ["frame-invalid", "http-inside-frames", "upgrade-header-invalid", "protocol-error-close", "reserved-bit-set", "server-frame-masked", "closed-without-close-frame", "closed-after-handshake"]
for each in ("websockets", "ws"):
    with_body("body", b"Content-Type: text/plain\r\nContent-Length: 20\r\n", b"Switching protocols!", each,
              ("the server's 101 carries a body of 20 bytes, which the client reads as frames", "http-inside-frames", "first-frames"),
              f"a 101 with Content-Length 20 and a body, at {each}, which reads the body as frames", BROKEN)
with_body("length-zero", b"Content-Length: 0\r\n", b"", "websockets", ("the 101 says Content-Length: 0, which changes nothing; it works", "healthy", None),
          "a 101 with Content-Length: 0, at websockets")
with_body("chunked", b"Transfer-Encoding: chunked\r\n", b"", "aiohttp", ("the 101 says Transfer-Encoding: chunked and sends frames all the same; it works", "healthy", None),
          "a 101 with Transfer-Encoding: chunked and frames behind it, at aiohttp")


if __name__ == "__main__":
    lab.main("violations")
