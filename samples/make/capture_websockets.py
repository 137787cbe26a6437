"""Python `websockets` on both ends: opcodes, lengths, fragments, close codes, compression parameters, IPv6."""

import asyncio
import os
import signal
import struct

import lab

lab.enter()

from python_endpoints import PLAIN, client, echo, server, settle
from lab import sample
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory, ServerPerMessageDeflateFactory

PROGRAMS = ["websockets"]


@sample("websockets-basic.pcapng", programs=PROGRAMS,
        shows="text (ASCII, UTF-8, empty), binary, ping and pong with bodies from both sides, close 1000; no extension")
async def basic(run):
    async def handler(connection):
        await connection.send("welcome")
        await (await connection.ping(b"server ping"))
        await echo(connection)

    async with server(run, handler, **PLAIN):
        async with client(run, "ws://127.0.0.1:9001/basic?first=1&second=two", origin="http://localhost:9001", **PLAIN) as c:
            assert await c.recv() == "welcome"
            for message in ("Hello", "Grüße, 世界 🔍", "", b"", bytes(range(256)), '{"op":"subscribe","channels":["a","b"]}'):
                await c.send(message)
                assert await c.recv() == message
            await (await c.ping(b""))
            await (await c.ping(b"client ping \x00\xff"))
            await c.pong(b"unsolicited")
            await settle()
            await c.close(1000, "bye")


@sample("websockets-fragments.pcapng", programs=PROGRAMS,
        shows="messages in fragments (some empty, a UTF-8 character cut in two) with pings and pongs between them")
async def fragments(run):
    async def handler(connection):
        await connection.recv()

        async def parts():
            yield "from the server "
            await connection.ping(b"in the middle")
            await settle(0.02)
            yield ""
            yield "in four "
            yield "fragments"

        await connection.send(parts())
        await connection.recv()
        await connection.recv()

    async with server(run, handler, **PLAIN):
        async with client(run, **PLAIN) as c:
            async def parts():
                yield "caf".encode() + b"\xc3"
                await c.ping(b"1")
                await settle(0.02)
                await c.ping(b"2")
                yield b"\xa9 au lait"

            await c.send(parts(), text=True)
            await c.recv()

            async def binary():
                for n in range(6):
                    yield bytes([n]) * n

            await c.send(binary())

            async def empty():
                yield b""

            await c.send(empty())
            await settle()


@sample("websockets-lengths.pcapng.zst", programs=PROGRAMS, mtu=1500,
        shows="payload lengths around every boundary (0, 125, 126, 127, 65535, 65536, 70000) over 1500-byte segments; zstd file")
async def lengths(run):
    async def handler(connection):
        async for message in connection:
            await connection.send(message if len(message) < 1000 else message[:-1] if len(message) == 65536 else "long")

    async with server(run, handler, **PLAIN):
        async with client(run, **PLAIN) as c:
            for size in (0, 1, 125, 126, 127, 65535, 65536, 70000):
                text = ("wireloupe " * (size // 10 + 1))[:size]
                await c.send(text)
                await c.recv()


@sample("websockets-jumbo-segments.pcap.gz", programs=PROGRAMS, options=("--time-stamp-precision=nano",),
        shows="segments of up to 64 KiB (segmentation offload on loopback), many frames in one segment; nanosecond pcap, gzip")
async def jumbo(run):
    async def handler(connection):
        async for message in connection:
            await connection.send(message[:500])

    async with server(run, handler, **PLAIN):
        async with client(run, **PLAIN) as c:
            await c.send("0123456789abcdef" * 4500)
            await c.recv()
            async with asyncio.TaskGroup() as group:
                for n in range(100):
                    group.create_task(c.send(f"message number {n}"))
            for _ in range(100):
                await c.recv()


@sample("websockets-close-codes.pcapng", programs=PROGRAMS,
        shows="sixteen connections: close by the client or the server with 1000, 1001, 1008, 1009, 1011, 3000, 4999 or no code")
async def close_codes(run):
    codes = [(1000, ""), (1001, "going away"), (1008, "policy"), (1009, "too big"), (1011, "unexpected condition"),
             (3000, "registered"), (4999, "Grüße"), (None, "")]
    closed = asyncio.Event()

    def bare_or(connection, code, reason):
        if code is None:
            async def close():
                connection.protocol.send_close()
                connection.send_data()
                await connection.wait_closed()
            return close()
        return connection.close(code, reason)

    async def handler(connection):
        path = connection.request.path
        async for _ in connection:
            if path.startswith("/server/"):
                await bare_or(connection, *codes[int(path[8:])])

    async with server(run, handler, **PLAIN):
        for by in ("client", "server"):
            for n, (code, reason) in enumerate(codes):
                c = await client(run, f"ws://127.0.0.1:9001/{by}/{n}", **PLAIN)
                await c.send(f"{by} will close with {code}")
                if by == "client":
                    await bare_or(c, code, reason)
                await c.wait_closed()
                await settle(0.02)


def echo_process(run, port):
    """An echo server in a process of its own, which can be killed."""
    code = (
        "import asyncio\nfrom websockets.asyncio.server import serve\n"
        "async def echo(c):\n async for m in c: await c.send(m)\n"
        f"async def main():\n async with serve(echo, '127.0.0.1', {port}, compression=None): await asyncio.get_running_loop().create_future()\n"
        "asyncio.run(main())\n"
    )
    return run.spawn(lab.PYTHON, "-c", code, port=port)


@sample("websockets-killed-server.pcapng", programs=PROGRAMS, cut_short=True,
        expect=[(1, "the server process was killed: its kernel closed the connection with FIN and no close frame was sent",
                 "closed-without-close-frame", "close"),
                (2, "the server process was killed with unread data in its socket: its kernel reset the connection",
                 "connection-reset", "close")],
        shows="two connections whose server process is killed (SIGKILL): an end by FIN, an end by RST, no close frame")
async def killed(run):
    for unread in (False, True):
        process = echo_process(run, 9001)
        c = await client(run, **PLAIN)
        await c.send("still there?")
        await c.recv()
        if unread:
            os.killpg(process.pid, signal.SIGSTOP)
            await c.send("nobody reads this")
            await settle()
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        await c.wait_closed()
        await settle()


@sample("websockets-client-reset.pcapng", programs=PROGRAMS, cut_short=True,
        expect=[(1, "the client reset the connection in the middle of a conversation, without a close frame",
                 "connection-reset", "close")],
        shows="the client ends with RST in mid-conversation")
async def client_reset(run):
    async with server(run, echo, **PLAIN):
        c = await client(run, **PLAIN)
        for n in range(3):
            await c.send(f"message {n}")
            await c.recv()
        sock = c.transport.get_extra_info("socket")
        sock.setsockopt(lab.socket.SOL_SOCKET, lab.socket.SO_LINGER, struct.pack("ii", 1, 0))
        c.transport.abort()
        await settle(0.3)


@sample("websockets-subprotocols.pcapng", programs=PROGRAMS,
        shows="subprotocols: first choice, second choice, none in common, none offered")
async def subprotocols(run):
    def select(_, offered):
        return next((s for s in ("chat.v2", "chat.v1") if s in offered), None)

    async with server(run, echo, subprotocols=["chat.v2", "chat.v1"], select_subprotocol=select, **PLAIN):
        for offered in (["chat.v2", "chat.v1"], ["superchat", "chat.v1"], ["superchat"], None):
            async with client(run, subprotocols=offered, **PLAIN) as c:
                await c.send(f"speaking {c.subprotocol}")
                await c.recv()
            await settle(0.02)


@sample("websockets-ipv6.pcapng", programs=PROGRAMS, shows="IPv6 (::1), permessage-deflate as the library negotiates it by default")
async def ipv6(run):
    async with server(run, echo, host="::1"):
        async with client(run, "ws://[::1]:9001/six") as c:
            for n in range(4):
                await c.send(f"the same words again and again {n}")
                await c.recv()


@sample("websockets-window-bits.pcapng", programs=PROGRAMS,
        shows="permessage-deflate with every server_max_window_bits and client_max_window_bits from 9 to 15, text longer than the window")
async def window_bits(run):
    text = " ".join(f"{n:x}{n * 7919 % 9973}" for n in range(420))

    async def negotiate(bits_server, bits_client):
        offer = ClientPerMessageDeflateFactory(server_max_window_bits=bits_server, client_max_window_bits=bits_client)
        accept = ServerPerMessageDeflateFactory(server_max_window_bits=bits_server, client_max_window_bits=bits_client)
        async with server(run, echo, extensions=[accept], compression=None):
            async with client(run, extensions=[offer], compression=None) as c:
                for message in (text, text[:300], text):
                    await c.send(message)
                    assert await c.recv() == message

    for n in range(9, 16):
        await negotiate(n, 24 - n)


@sample("websockets-pings-unanswered.pcapng", programs=PROGRAMS, cut_short=True,
        expect=[(1, "the server stopped answering pings (its process was stopped), and the client gave up after its ping timeout",
                 "ping-unanswered", "life")],
        shows="keep-alive pings every 0.4 s, answered until the server process is stopped (SIGSTOP); the client closes with 1011")
async def unanswered(run):
    process = echo_process(run, 9001)
    c = await client(run, ping_interval=0.4, ping_timeout=1.2, close_timeout=0.5, **PLAIN)
    await c.send("hello")
    await c.recv()
    await settle(1.5)
    os.killpg(process.pid, signal.SIGSTOP)
    await c.wait_closed()
    await settle(0.2)


if __name__ == "__main__":
    lab.main("frames")
