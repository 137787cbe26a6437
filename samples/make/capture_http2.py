"""WebSockets over HTTP/2 (RFC 8441): clear with prior knowledge, after an h2c upgrade, over TLS, in Chromium, through HAProxy."""

import asyncio
import warnings

import lab

lab.enter()

from wsproto.events import Ping, TextMessage

import proxies
from browser import browse
from http2_endpoints import Client, hypercorn_server, watch
from lab import sample
from python_endpoints import echo, server, settle
from secure import contexts

warnings.simplefilter("ignore", DeprecationWarning)
PROGRAMS = ["Hypercorn", "h2", "wsproto"]
PORT = 9020


async def two_streams(client):
    """Two WebSockets side by side on one connection, and a GET between."""
    await client.get()
    one = await client.websocket("/first", deflate=True, subprotocol="lab.v1")
    two = await client.websocket("/second")
    for n in range(3):
        await one.say(f"on the first stream {n}, the same words, the same words")
        await two.say(f"on the second stream {n}")
    await client.get("/again")
    await one.say(bytes(range(100)))
    await two.send(Ping(payload=b"h2 ping"))
    await asyncio.wait_for(two.messages.get(), 5)
    await two.send(TextMessage(data="in ", message_finished=False))
    await two.send(TextMessage(data="fragments"))
    await asyncio.wait_for(two.messages.get(), 5)
    await one.close(1000, "done")
    await two.close()
    await settle()


@sample("h2c-prior-knowledge.pcapng", programs=PROGRAMS, bpf=f"tcp port {PORT}",
        shows="clear HTTP/2 with prior knowledge: two WebSockets on two streams and GET requests between; one compressed")
async def prior_knowledge(run):
    connection = watch(run)
    async with hypercorn_server(PORT):
        client = await Client(connection).open("127.0.0.1", PORT)
        await two_streams(client)
        await client.close()


@sample("h2c-upgrade.pcapng", programs=PROGRAMS, bpf=f"tcp port {PORT}",
        shows="HTTP/1.1 with `Upgrade: h2c`, then a WebSocket on stream 3")
async def upgrade(run):
    async def start(client):
        settings = client.h2.initiate_upgrade_connection()
        client.writer.write(b"GET /old HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
                            b"HTTP2-Settings: " + settings + b"\r\n\r\n")
        head = await client.reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101"), head

    connection = watch(run)
    async with hypercorn_server(PORT):
        client = await Client(connection).open("127.0.0.1", PORT, start=start)
        stream = await client.websocket()
        await stream.say("after the upgrade to h2c")
        await stream.close()
        await settle()
        await client.close()


@sample("h2-tls.pcapng", programs=PROGRAMS, bpf=f"tcp port {PORT}",
        shows="HTTP/2 over TLS 1.3 (ALPN h2) with a key log: two WebSockets on two streams and GET requests between")
async def over_tls(run):
    connection = watch(run)
    where = lab.certificates()
    _, context = contexts(run, alpn=["h2"])
    async with hypercorn_server(PORT, tls=(where / "localhost.pem", where / "localhost.key")):
        client = await Client(connection).open("127.0.0.1", PORT, tls=context)
        await two_streams(client)
        await client.close()


@sample("h2c-flow-control.pcap.gz", programs=PROGRAMS, bpf=f"tcp port {PORT}",
        shows="a message of 200000 bytes over HTTP/2: many DATA frames, WINDOW_UPDATE; gzip")
async def flow_control(run):
    connection = watch(run)
    async with hypercorn_server(PORT):
        client = await Client(connection).open("127.0.0.1", PORT)
        stream = await client.websocket()
        await stream.say("flow control " * 15385)
        await stream.close()
        await settle()
        await client.close()


@sample("h2c-stream-reset.pcapng", programs=PROGRAMS, bpf=f"tcp port {PORT}", cut_short=True,
        expect=[(1, "the client reset the stream (RST_STREAM, CANCEL) in the middle of a conversation, without a close frame",
                 "stream-reset", "close")],
        shows="a WebSocket's stream ended by RST_STREAM (CANCEL); another goes on; then GOAWAY")
async def stream_reset(run):
    connection = watch(run)
    async with hypercorn_server(PORT):
        client = await Client(connection).open("127.0.0.1", PORT)
        one = await client.websocket("/first")
        two = await client.websocket("/second")
        await one.say("soon to be reset")
        await two.say("goes on")
        await one.reset(8)
        await settle()
        await two.say("still here")
        await two.close()
        await settle()
        await client.close()


@sample("h2c-mid-connection.pcapng", programs=PROGRAMS, bpf=f"tcp port {PORT}", late=True,
        partial="the capture was started when the HTTP/2 connection and its first WebSocket were open",
        shows="the capture starts in mid-connection: the HPACK table's entries are unknown, a second WebSocket opens later")
async def mid_connection(run):
    connection = watch(run)
    async with hypercorn_server(PORT):
        client = await Client(connection).open("127.0.0.1", PORT)
        one = await client.websocket("/first")
        await one.say("before the capture")
        run.start_captures()
        await one.say("after the capture began")
        two = await client.websocket("/second")
        await two.say("a new stream")
        await one.close()
        await two.close()
        await settle()
        await client.close()


@sample("h2c-node.pcapng", programs=["Node.js", "ws", "h2", "wsproto"], bpf=f"tcp port {PORT}",
        shows="Node's HTTP/2 server with npm ws inside the streams; the client is Python")
async def node(run):
    connection = watch(run)
    process = run.spawn("node", "--require", lab.MAKE / "endpoints/watch_ws.cjs", lab.MAKE / "endpoints/http2_server.cjs", PORT, ready="ready")
    client = await Client(connection).open("127.0.0.1", PORT)
    await client.get("/nothing")
    stream = await client.websocket()
    for n in range(3):
        await stream.say(f"to Node {n}")
    await stream.close(1000, "bye", end=True)
    await settle()
    await client.close()
    await settle(0.2)
    run.log.take(process.output.read_text())


@sample("h2-haproxy.pcapng", programs=["HAProxy", "h2", "wsproto", "websockets"], legs={"client": "tcp port 8443", "server": "tcp port 9000"},
        shows="HTTP/2 over TLS to HAProxy, HTTP/1.1 from there to the server (`proxies/haproxy-h2.cfg`): extended CONNECT becomes an Upgrade")
async def haproxy(run):
    lab.certificates()
    connection = watch(run)
    proxies.haproxy(run, "haproxy-h2", port=8443)
    _, context = contexts(run, alpn=["h2"])
    async with server(run, echo, host="127.0.0.3", port=9000):
        client = await Client(connection).open("127.0.0.2", 8443, tls=context)
        stream = await client.websocket(deflate=True)
        for n in range(3):
            await stream.say(f"from HTTP/2 to HTTP/1.1, message {n}")
        await stream.close(1000, "done", end=True)
        await settle()
        await client.close()
        await settle()


@sample("h2-chromium.pcapng", programs=["Chromium", "HAProxy", "websockets"], legs={"client": "tcp port 8443", "server": "tcp port 9000"},
        shows="Chromium opens WebSockets on the HTTP/2 connection that brought the page (TLS 1.3, SSLKEYLOGFILE), through HAProxy (`proxies/haproxy-h2-page.cfg`)")
async def chromium(run):
    lab.certificates()
    proxies.haproxy(run, "haproxy-h2-page", port=8443)
    async with server(run, echo, host="127.0.0.3", port=9000, subprotocols=["lab.v1"]):
        await browse(run, "wss://127.0.0.2:8443", ["chat", "close"], host="127.0.0.3", page="https://127.0.0.2:8443/page",
                     flags=["--ignore-certificate-errors"], environment={"SSLKEYLOGFILE": str(run.keys)})


if __name__ == "__main__":
    lab.main("http2")
