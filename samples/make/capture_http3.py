"""WebSockets over HTTP/3 (RFC 9220): aioquic as client and server, over QUIC version 1 and 2."""

import subprocess

import lab

lab.enter()

from aioquic.h3.connection import ErrorCode
from aioquic.quic.connection import QuicConnection
from aioquic.quic.packet import QuicProtocolVersion
from aioquic.tls import CipherSuite
from wsproto.events import Ping, TextMessage

from http3_endpoints import bad_link, client, server
from lab import sample
from python_endpoints import settle

PORT = 4433
PROGRAMS = ["aioquic", "wsproto"]
NO_CLOSE = "closed-without-close-frame"


def quic(name, shows, **options):
    return sample(f"{name}.pcapng", **{"programs": PROGRAMS, "bpf": f"udp port {PORT}", "shows": shows, **options})


async def conversation(c):
    """A GET, a WebSocket, its close."""
    await c.get()
    one = await c.websocket("/echo", protocol="lab.v1")
    await one.say("Hello over HTTP/3")
    await one.say(bytes(range(100)))
    await one.close(1000, "done")
    await settle(0.2)


@quic("h3-hello", "QUIC version 1 with a key log: a GET and a WebSocket over HTTP/3")
async def hello(run):
    async with server(run, PORT), client(run, PORT) as c:
        await conversation(c)


@quic("h3-no-keys", "the same without its key log: only the Initial packets can be read", log=False)
async def no_keys(run):
    async with server(run, PORT), client(run, PORT) as c:
        await conversation(c)
    run.keys.unlink()


@quic("h3-two-streams", "two WebSockets side by side on one HTTP/3 connection, one compressed; requests between, a ping, fragments")
async def two_streams(run):
    async with server(run, PORT), client(run, PORT) as c:
        await c.get()
        one = await c.websocket("/first", deflate=True, protocol="lab.v1")
        two = await c.websocket("/second")
        for n in range(3):
            await one.say(f"on the first stream {n}, the same words, the same words")
            await two.say(f"on the second stream {n}")
        await c.get("/again")
        await one.say(bytes(range(100)))
        two.send(Ping(payload=b"h3 ping"))
        await two.hear()
        two.send(TextMessage(data="in ", message_finished=False))
        two.send(TextMessage(data="fragments"))
        await two.hear()
        await two.hear()
        await two.say("x" * 70_000)
        await one.close(1000, "done")
        await two.close()
        await settle(0.2)


def suited(name, suite):
    @quic(f"h3-{name}", f"HTTP/3 with {suite.name}")
    async def made(run):
        async with server(run, PORT), client(run, PORT, cipher_suites=[suite]) as c:
            await conversation(c)


suited("aes128", CipherSuite.AES_128_GCM_SHA256)
suited("chacha20", CipherSuite.CHACHA20_POLY1305_SHA256)


@quic("h3-quic-v2", "QUIC version 2 from the first packet on (RFC 9369)")
async def version2(run):
    two = [QuicProtocolVersion.VERSION_2]
    async with server(run, PORT, supported_versions=two), client(run, PORT, supported_versions=two) as c:
        await conversation(c)


@quic("h3-quic-v1-to-v2", "a client that begins with QUIC version 1 and is answered in version 2 (compatible version negotiation, RFC 9368)")
async def compatible(run):
    both = [QuicProtocolVersion.VERSION_2, QuicProtocolVersion.VERSION_1]
    async with server(run, PORT, supported_versions=both), client(run, PORT, supported_versions=both, original_version=QuicProtocolVersion.VERSION_1) as c:
        await conversation(c)


@quic("h3-version-negotiation", "a version that the server does not speak: Version Negotiation, then version 1")
async def negotiation(run):
    one, odd = QuicProtocolVersion.VERSION_1, 0x1A2A3A4A
    async with server(run, PORT, supported_versions=[one]), client(run, PORT, supported_versions=[odd, one], original_version=odd) as c:
        await conversation(c)


@quic("h3-retry", "the server asks for proof of the address first (Retry)")
async def retry(run):
    async with server(run, PORT, retry=True), client(run, PORT) as c:
        await conversation(c)


@quic("h3-key-update", "both sides change their keys several times while a WebSocket is open")
async def key_update(run):
    async with server(run, PORT), client(run, PORT) as c:
        one = await c.websocket()
        for n in range(4):
            await one.say(f"generation {n}")
            await settle(0.3)
            c.request_key_update()
            await one.say(f"generation {n + 1}")
        await one.close()
        await settle(0.2)


@quic("h3-migration", "the client moves to another port twice, with another connection id each time; the WebSocket goes on")
async def migration(run):
    async with server(run, PORT), client(run, PORT) as c:
        one = await c.websocket()
        for n in range(2):
            await one.say(f"before move {n}")
            await c.rebind()
            await one.say(f"after move {n}")
        await one.close()
        await settle(0.2)


@quic("h3-zero-length-ids", "the client has connection ids of no length")
async def zero_length(run):
    # aioquic would offer new ids of no length, which its server rightly refuses.
    QuicConnection._replenish_connection_ids = lambda connection: None
    async with server(run, PORT), client(run, PORT, connection_id_length=0) as c:
        await conversation(c)


@quic("h3-early-data", "a second connection whose extended CONNECT is 0-RTT data")
async def early_data(run):
    tickets, mine = {}, []
    async with server(run, PORT, tickets=tickets):
        async with client(run, PORT, on_ticket=mine.append) as c:
            await c.get()
            await settle(0.2)
        await settle(0.2)
        async with client(run, PORT, wait=False, ticket=mine[0]) as c:
            c.begin()
            one = await c.websocket()
            await one.say("behind early data")
            await one.close()
            await settle(0.2)


@quic("h3-loss", "captured at the client of a bad link: 8 % of the packets lost, a fifth of them late; what is sent again and out of order comes in order", legs={None: "udp port 4434"})
async def loss(run):
    async with server(run, PORT), bad_link(4434, PORT), client(run, 4434) as c:
        one = await c.websocket("/first", deflate=True)
        two = await c.websocket("/second")
        for n in range(8):
            await one.say(f"message {n} over a bad link " * 60)
            await two.say(bytes([n]) * 3000)
        await one.close(1000, "done")
        await two.close()
        await settle(0.2)


@quic("h3-refused", "an extended CONNECT over HTTP/3 is answered with `:status: 404`", log=False, unsaid=["101"],
      expect=[(1, "the server has nothing at this path: `:status: 404` to the extended CONNECT", "not-found", "http-status")])
async def refused(run):
    async with server(run, PORT), client(run, PORT) as c:
        assert await c.websocket("/missing") is None
        await settle(0.2)


@quic("h3-reset-server", "the server resets a WebSocket's stream (RESET_STREAM, H3_INTERNAL_ERROR); another goes on", cut_short=True, unsaid=["101"],
      expect=[(1, "the server resets the stream (RESET_STREAM, H3_INTERNAL_ERROR) after the client's first message, without a close frame", "stream-reset", "close", ["closed-after-handshake"]),
              (2, "the second stream works and is closed as it should", "healthy", None)])
async def reset_server(run):
    async with server(run, PORT), client(run, PORT) as c:
        one, two = await c.websocket("/reset"), await c.websocket("/second")
        one.send(TextMessage(data="a question"))
        await settle(0.3)
        await two.say("on the second")
        await two.close()
        await settle(0.2)


@quic("h3-cancelled-client", "the client cancels a WebSocket's stream (H3_REQUEST_CANCELLED) without a close frame", cut_short=True, unsaid=["101"],
      expect=[(1, "the client cancels the stream (RESET_STREAM, H3_REQUEST_CANCELLED) in the middle of a conversation, without a close frame", "stream-reset", "close")])
async def cancelled(run):
    async with server(run, PORT), client(run, PORT) as c:
        one = await c.websocket()
        await one.say("soon to be cancelled")
        c._quic.reset_stream(one.stream, ErrorCode.H3_REQUEST_CANCELLED)
        c._quic.stop_stream(one.stream, ErrorCode.H3_REQUEST_CANCELLED)
        c.transmit()
        await settle(0.3)


@quic("h3-connection-close", "the server closes the QUIC connection with H3_INTERNAL_ERROR while a WebSocket is open", cut_short=True, unsaid=["101"],
      expect=[(1, "the server closes the whole connection (CONNECTION_CLOSE, H3_INTERNAL_ERROR) after the client's first message", "stream-reset", "close", ["closed-after-handshake", NO_CLOSE])])
async def connection_close(run):
    async with server(run, PORT), client(run, PORT) as c:
        one = await c.websocket("/quit")
        one.send(TextMessage(data="a question"))
        await settle(0.4)


@quic("h3-end-client", "the client ends its side of the stream (FIN) without a close frame", cut_short=True, unsaid=["101"],
      expect=[(1, "the client ends its side of the stream (FIN) without a close frame", NO_CLOSE, "close", ["stream-reset"])])
async def end_client(run):
    async with server(run, PORT), client(run, PORT) as c:
        one = await c.websocket()
        await one.say("and that was it")
        c.send(one.stream, end=True)
        await settle(0.3)


@quic("h3-chromium", "Chromium loads a page over HTTP/3 (QPACK's dynamic table, SSLKEYLOGFILE), and opens the page's WebSocket over TCP, where nothing listens",
      programs=["Chromium", "aioquic"], bpf=f"port {PORT}", log=False,
      expect=[(1, "the browser opens the page's WebSocket over TCP, although the page came over HTTP/3, and nothing listens there", "connection-refused", "tcp")])
async def chromium(run):
    where = lab.certificates()
    key = f"openssl x509 -in {where}/elliptic.pem -pubkey -noout | openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | base64"
    spki = subprocess.run(key, shell=True, text=True, capture_output=True, check=True).stdout.strip()
    async with server(run, PORT, certificate="elliptic"):
        run.spawn("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update",
                  "--host-resolver-rules=MAP localhost 127.0.0.1", f"--user-data-dir={run.work}/profile", f"--origin-to-force-quic-on=localhost:{PORT}", f"--ignore-certificate-errors-spki-list={spki}",
                  "--disable-features=PostQuantumKyber", f"https://localhost:{PORT}/page", environment={"SSLKEYLOGFILE": str(run.keys)})
        await settle(6)


@quic("h3-idle-timeout", "a WebSocket falls silent for longer than the idle time-out that both sides agreed on; a second connection goes on", cut_short=True, unsaid=["101"],
      expect=[(1, "QUIC's idle time-out of two seconds ends the connection: one side's network is gone, nobody sends anything", "idle-timeout", "life"),
              (2, "the second connection works and is closed as it should", "healthy", None)])
async def idle(run):
    async with server(run, PORT, idle_timeout=2), client(run, PORT, idle_timeout=2) as c:
        one = await c.websocket()
        await one.say("and then nothing")
        # Its network is gone: no keep-alive, no goodbye.
        c._quic.datagrams_to_send = lambda now: []
        await settle(4)
        async with client(run, PORT) as other:
            await conversation(other)


if __name__ == "__main__":
    lab.main("http3")
