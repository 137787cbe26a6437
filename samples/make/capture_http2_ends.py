"""WebSockets over HTTP/2 whose stream or connection ends without a close frame, and extended CONNECTs that are refused."""

import warnings

import lab

lab.enter()

import wsproto.connection
from wsproto.events import TextMessage

from http2_endpoints import Client, hypercorn_server
from lab import sample
from python_endpoints import settle
from secure import contexts

warnings.simplefilter("ignore", DeprecationWarning)
PORT = 9021
NODE = ["Node.js", "ws", "h2", "wsproto"]
NO_CLOSE = "closed-without-close-frame"


def node(run):
    return run.spawn("node", lab.MAKE / "endpoints/http2_server.cjs", PORT, port=PORT)


def ends(name, programs, rows, shows, **options):
    def register(function):
        expect = [(number, *row) for number, row in enumerate(rows, 1)]
        sample(f"{name}.pcapng", programs=programs, unsaid=["101"], bpf=f"tcp port {PORT}", cut_short=True, expect=expect, shows=shows, log=options.pop("log", False), **options)(function)

    return register


async def opened(run, **options):
    c = await Client(wsproto.connection.Connection).open("127.0.0.1", PORT, **options)
    one, two = await c.websocket("/first"), await c.websocket("/second")
    await one.say("on the first")
    await two.say("on the second")
    return c, one, two


@ends("h2c-end-stream-client", NODE, [("the client ends its side of the stream (END_STREAM) without a close frame", NO_CLOSE, "close", ["stream-reset"]),
                                     ("the second stream is closed as it should", "healthy", None)],
      "clear HTTP/2: the client ends a WebSocket's stream with END_STREAM and no close frame; another stream closes in order")
async def end_stream_client(run):
    node(run)
    c, one, two = await opened(run)
    c.h2.end_stream(one.stream)
    await c.flush()
    await settle(0.4)
    await two.close()
    await settle(0.2)
    await c.close()


# A Node server whose streams end in a way of their own: by END_STREAM or RST_STREAM after the first message, or with an ordinary WebSocket.
ENDING = ("const h=require('http2');const {WebSocket}=require('ws');const s=h.createServer({settings:{enableConnectProtocol:true}});"
          "s.on('stream',(t,q)=>{t.on('error',()=>{});t.respond({':status':200});"
          "if(q[':path']==='/reset'){t.once('data',()=>t.close(h.constants.NGHTTP2_INTERNAL_ERROR));return}"
          "if(q[':path']==='/end'){t.once('data',()=>t.end());return}"
          "const w=new WebSocket(null,undefined,{});w._isServer=true;w.setSocket(t,Buffer.alloc(0),{maxPayload:1<<20});w.on('message',(d,b)=>w.send(d,{binary:b}))});"
          f"s.listen({PORT},'127.0.0.1')")


def server_ends(name, path, row, shows):
    @ends(name, NODE, [row, ("the second stream works and is closed as it should", "healthy", None)], shows)
    async def made(run):
        run.spawn("node", "-e", ENDING, port=PORT)
        c = await Client(wsproto.connection.Connection).open("127.0.0.1", PORT)
        one, two = await c.websocket(path), await c.websocket("/second")
        await one.send(TextMessage(data="a question"))
        await settle(0.3)
        await two.say("on the second")
        await two.close()
        await settle(0.2)
        await c.close()


server_ends("h2c-end-stream-server", "/end", ("the server ends its side of the stream (END_STREAM) after the client's first message, without a close frame", NO_CLOSE, "close",
                                              ["stream-reset", "closed-after-handshake"]),
            "clear HTTP/2: Node ends a WebSocket's stream with END_STREAM and no close frame; another stream works on")
server_ends("h2c-reset-server", "/reset", ("the server resets the stream (RST_STREAM, INTERNAL_ERROR) after the client's first message, without a close frame", "stream-reset", "close",
                                           ["closed-after-handshake"]),
            "clear HTTP/2: Node resets a WebSocket's stream with INTERNAL_ERROR; another stream works on")


@ends("h2c-goaway-open-streams", NODE, [("the server process is stopped: GOAWAY or FIN with the stream open, no close frame", NO_CLOSE, "close", ["stream-reset", "connection-reset", "server-stopped"])] * 2,
      "clear HTTP/2: the server exits while two WebSockets are open")
async def goaway(run):
    process = node(run)
    c, _, _ = await opened(run)
    process.terminate()
    await settle(0.5)
    await c.close()


@ends("h2c-client-gone", NODE, [("the client closes TCP with the stream open (GOAWAY, then FIN), no close frame", NO_CLOSE, "close", ["stream-reset", "connection-reset"])] * 2,
      "clear HTTP/2: the client says GOAWAY and closes TCP while two WebSockets are open")
async def client_gone(run):
    node(run)
    c, _, _ = await opened(run)
    await c.close()
    await settle(0.3)


@ends("h2c-refused", NODE, [("the server has nothing at this path: `:status: 404` to the extended CONNECT", "not-found", "http-status")],
      "clear HTTP/2: an extended CONNECT is answered with `:status: 404`")
async def refused(run):
    code = ("const h=require('http2');const s=h.createServer({settings:{enableConnectProtocol:true}});"
            f"s.on('stream',(t)=>{{t.respond({{':status':404,'content-type':'text/plain'}});t.end('no such room')}});s.listen({PORT},'127.0.0.1')")
    run.spawn("node", "-e", code, port=PORT)
    c = await Client(wsproto.connection.Connection).open("127.0.0.1", PORT)
    assert await c.websocket("/chat") is None
    await settle(0.2)
    await c.close()


@ends("h2-end-stream-tls", ["Hypercorn", "h2", "wsproto", "OpenSSL"], [("over TLS, the client ends the stream (END_STREAM) without a close frame", NO_CLOSE, "close", ["stream-reset"])],
      "HTTP/2 over TLS 1.3 with a key log: the client ends the stream without a close frame")
async def tls_end(run):
    where = lab.certificates()
    _, context = contexts(run, alpn=["h2"])
    async with hypercorn_server(PORT, tls=(where / "localhost.pem", where / "localhost.key")):
        c = await Client(wsproto.connection.Connection).open("127.0.0.1", PORT, tls=context)
        one = await c.websocket("/first")
        await one.say("on the first")
        c.h2.end_stream(one.stream)
        await c.flush()
        await settle(0.3)
        await c.close()


if __name__ == "__main__":
    lab.main("http2")
