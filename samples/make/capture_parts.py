"""Captures that hold a part of the truth: one direction only, and connections joined in the middle while they ask and answer."""

import asyncio
import contextlib

import lab

lab.enter()

from aiohttp import web
from websockets.exceptions import InvalidHandshake

import echoes
from lab import sample
from python_endpoints import PLAIN, client, echo, server, settle

PORT = 9095
URI = f"ws://127.0.0.1:{PORT}/chat"
TO_SERVER, TO_CLIENT = f"tcp dst port {PORT}", f"tcp src port {PORT}"


async def talk(run, code=1000, reason=""):
    async with server(run, echo, port=PORT, **PLAIN):
        c = await client(run, URI, **PLAIN)
        for text in ("hello", "and again"):
            await c.send(text)
            await c.recv()
        await c.close(code, reason)
    await settle(0.1)


def one_direction(name, bpf, what, expect, shows, also=None, partial=True, programs=("websockets", "tcpdump"), **options):
    def register(function):
        sample(f"one-direction-{name}.pcap", programs=list(programs), bpf=bpf, expect=expect, also=also, shows=shows,
               partial=f"the filter kept only what the {what} sent" if partial else None, **options)(function)

    return register


@one_direction("client-close", TO_SERVER, "client", [(1, "only what the client sent was captured; the connection is healthy", "healthy", None)],
               "what the client sent, its close frame last: the server's answer to it was not captured", also=["unfinished"], unsaid=["sent no close frame"])
async def client_close(run):
    await talk(run)


@one_direction("server-close", TO_CLIENT, "server", [(1, "only what the server sent was captured; the connection is healthy", "healthy", None)],
               "what the server sent: the 101, its messages, its close frame", also=["unfinished"], unsaid=["sent no close frame"])
async def server_close(run):
    await talk(run)


async def refuses(run):
    runner = web.AppRunner(web.Application())
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", PORT).start()
    with contextlib.suppress(InvalidHandshake):
        await client(run, URI)
    await settle(0.1)
    await runner.cleanup()


@one_direction("client-404", TO_SERVER, "client", [(1, "the server answered 404, but only what the client sent was captured: the outcome cannot be known", "unfinished", None)],
               "an upgrade request that got a 404, without the answer: only what the client sent was captured", partial=False, log=False, programs=("aiohttp", "websockets", "tcpdump"))
async def client_404(run):
    await refuses(run)


@one_direction("server-404", TO_CLIENT, "server", [(1, "the server answered 404; only what the server sent was captured", "not-found", "http-status")],
               "a 404 to an upgrade request that was not captured: only what the server sent", also=["unfinished", "upgrade-refused"], partial=False, log=False,
               programs=("aiohttp", "websockets", "tcpdump"))
async def server_404(run):
    await refuses(run)


@one_direction("syn-only", TO_SERVER, "client", [(1, "the connection was refused, but the RST was not captured: a SYN alone, with only the client's direction", "connection-unanswered", "tcp")],
               "SYNs that were refused, without the RSTs: only what the client sent was captured", also=["unfinished"], partial=False, log=False, uncertain=True)
async def syn_only(run):
    with contextlib.suppress(OSError):
        await client(run, URI)
    await settle(0.1)


@one_direction("server-late", TO_CLIENT, "server", [(1, "only what the server sent was captured, and not from the beginning; the connection is healthy", "healthy", None)],
               "what the server sent, from the middle on", also=["unfinished"], late=True)
async def server_late(run):
    async with server(run, echo, port=PORT, **PLAIN):
        c = await client(run, URI, **PLAIN)
        for n in range(3):
            await c.send(f"before {n}")
            await c.recv()
        run.start_captures()
        for n in range(6):
            await c.send(f"after {n}")
            await c.recv()
        await c.close()
    await settle(0.1)


# --- joined in the middle ---------------------------------------------------------------------------------------------


def joined(name, programs, shows, **options):
    def register(function):
        sample(f"joined-{name}.pcapng", programs=programs, late=True, shows=shows, partial="the capture was started in the middle of the connection",
               expect=[(1, "joined in the middle; the connection is healthy", "healthy", None)], also=["unfinished"], bpf=f"tcp port {PORT}", **options)(function)

    return register


@joined("pings", ["websockets"], "joined in the middle: the server pings each 0.3 s, the client answers at once, nothing else is said")
async def pings(run):
    async with server(run, echo, port=PORT, **{**PLAIN, "ping_interval": 0.3}):
        c = await client(run, URI, **PLAIN)
        await c.send("before")
        await c.recv()
        await settle(0.4)
        run.start_captures()
        await settle(2.5)
        await c.close()
    await settle(0.1)


@joined("questions", ["websockets"], "joined in the middle: the client asks each 0.25 s in JSON-RPC, the server answers 40 ms later")
async def questions(run):
    async def answer(connection):
        async for message in connection:
            await asyncio.sleep(0.04)
            await connection.send(message.replace("method", "result"))

    async with server(run, answer, port=PORT, **PLAIN):
        c = await client(run, URI, **PLAIN)
        for n in range(14):
            if n == 4:
                run.start_captures()
            await c.send('{"jsonrpc":"2.0","id":%d,"method":"price"}' % n)
            await c.recv()
            await settle(0.25)
        await c.close()
    await settle(0.1)


@joined("both-ping", ["gorilla", "websockets"], "joined in the middle of a connection to a Go server: the client pings each 0.2 s and sends a short text now and then", log=False)
async def both(run):
    echoes.start(run, "gorilla", PORT)
    c = await client(run, URI, **{**PLAIN, "ping_interval": 0.2})
    await c.send("before")
    await c.recv()
    await settle(0.5)
    run.start_captures()
    for n in range(4):
        await settle(0.45)
        await c.send(f"tick {n}")
        await c.recv()
    await c.close()
    await settle(0.1)


if __name__ == "__main__":
    lab.main("capture-points")
