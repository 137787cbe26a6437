"""Other programs on either end: Chromium, aiohttp, Tornado, websocket-client, websocketd, Socket.IO, STOMP, MQTT."""

import asyncio

import lab

lab.enter()

import aiohttp
import tornado.web
import tornado.websocket
import websocket
from aiohttp import WSMsgType, web

from browser import browse
from lab import sample
from python_endpoints import client, echo, server, settle


@sample("chromium-page.pcapng", programs=["Chromium", "websockets"],
        shows="a page's script in Chromium: permessage-deflate, subprotocol, cookies, origin; closed by the page, without a code, by the server")
async def chromium(run):
    async def handler(connection):
        if connection.request.path == "/leave":
            for _ in range(3):
                await connection.send(await connection.recv())
            await connection.close(1001, "server is leaving")
            return
        await connection.ping(b"ping from the server")
        await echo(connection)

    async with server(run, handler, port=9003, subprotocols=["lab.v0", "lab.v1"]):
        outcomes = await browse(run, "ws://127.0.0.1:9003", ["chat", "close"])
        assert [o["code"] for o in outcomes] == [1000, 1005], outcomes


def log_message(run, observer, number, side, message):
    """Log one message as aiohttp hands it to a program."""
    kinds = {WSMsgType.TEXT: "text", WSMsgType.BINARY: "binary", WSMsgType.PING: "ping", WSMsgType.PONG: "pong"}
    if message.type in kinds:
        run.log.add(observer, number, side, kinds[message.type], message.data)
    elif message.type == WSMsgType.CLOSE:
        run.log.close(observer, number, side, message.data or None, message.extra or "")


@sample("aiohttp-keep-alive.pcapng", programs=["aiohttp"], bpf="tcp port 9004",
        shows="GET, POST and a chunked response on a keep-alive connection, then the upgrade on the same connection; compression 15 bits")
async def keep_alive(run):
    async def index(request):
        return web.Response(text="<title>lab</title>", content_type="text/html")

    async def stream(request):
        await request.read()
        response = web.StreamResponse()
        response.enable_chunked_encoding()
        await response.prepare(request)
        for n in range(5):
            await response.write(b"chunk %d\n" % n * 3)
        await response.write_eof()
        return response

    async def socket(request):
        ws = web.WebSocketResponse(autoping=False)
        await ws.prepare(request)
        number = run.log.open("server")
        while True:
            message = await ws.receive()
            log_message(run, "server", number, "client", message)
            if message.type == WSMsgType.TEXT:
                await ws.send_str(message.data.upper())
            elif message.type == WSMsgType.PING:
                await ws.pong(message.data)
            elif message.type in (WSMsgType.CLOSE, WSMsgType.CLOSED, WSMsgType.CLOSING, WSMsgType.ERROR):
                return ws

    application = web.Application()
    application.add_routes([web.get("/", index), web.post("/stream", stream), web.get("/socket", socket)])
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 9004).start()
    async with aiohttp.ClientSession("http://127.0.0.1:9004", connector=aiohttp.TCPConnector(limit=1)) as session:
        for _ in range(2):
            async with session.get("/") as response:
                await response.read()
        async with session.post("/stream", json={"words": ["a", "b"] * 20}) as response:
            await response.read()
        number = run.log.open("client")
        ws = await session.ws_connect("/socket", compress=15, autoping=False)
        for text in ("first", "second " * 40):
            await ws.send_str(text)
            log_message(run, "client", number, "server", await ws.receive())
        await ws.ping(b"?")
        log_message(run, "client", number, "server", await ws.receive())
        await ws.close(code=1000, message=b"enough")
        run.log.close("client", number, "server", ws.close_code)
    await runner.cleanup()


@sample("tornado-websocket-client.pcap", programs=["tornado", "websocket-client"], bpf="tcp port 9005",
        shows="Tornado with a Python websocket-client: cookie, a header of its own, pings, binary, closed by the server with 4001")
async def tornado_server(run):
    class Handler(tornado.websocket.WebSocketHandler):
        def open(self):
            self.number = run.log.open("server")

        def on_message(self, message):
            run.log.add("server", self.number, "client", "text" if isinstance(message, str) else "binary", message)
            if message == "please close":
                self.close(4001, "as you wish")
            else:
                self.write_message(message, binary=isinstance(message, bytes))

        def on_ping(self, data):
            run.log.add("server", self.number, "client", "ping", data)

        def on_pong(self, data):
            run.log.add("server", self.number, "client", "pong", data)

        def check_origin(self, origin):
            return True

    listening = tornado.web.Application([("/ws", Handler)]).listen(9005, "127.0.0.1")
    await asyncio.to_thread(talk, run, "ws://127.0.0.1:9005/ws")
    listening.stop()


def talk(run, uri):
    """websocket-client, blocking; logs every frame it receives."""
    number = run.log.open("client")
    ws = websocket.create_connection(uri, cookie="session=0123456789", header=["X-Lab: yes"])
    kinds = {1: "text", 2: "binary", 8: "close", 9: "ping", 10: "pong"}

    def receive():
        opcode, frame = ws.recv_data_frame(control_frame=True)
        run.log.add("client", number, "server", kinds[opcode], frame.data)

    for message in ("one", "two", "three"):
        ws.send(message)
        receive()
    ws.ping("still there?")
    receive()
    ws.send_binary(b"\x00\x01\x02")
    receive()
    ws.send("please close")
    # recv_frame, unlike recv_data_frame, leaves it to the program to answer a close.
    run.log.add("client", number, "server", "close", ws.recv_frame().data)
    ws.send_close(1000, b"")
    run.log.close("server", number, "client", 1000)
    ws.shutdown()


@sample("websocketd-go.pcapng", programs=["websocketd", "websocket-client"], bpf="tcp port 9006",
        shows="websocketd (a Go server) that runs `cat -n` for each connection, with a Python websocket-client")
def websocketd(run):
    run.spawn("websocketd", "--port=9006", "--address=127.0.0.1", "cat", "-n", port=9006)
    number = run.log.open("client")
    ws = websocket.create_connection("ws://127.0.0.1:9006/")
    for n in range(4):
        ws.send(f"line {n}")
        run.log.add("client", number, "client", "text", f"line {n}")
        opcode, frame = ws.recv_data_frame(control_frame=True)
        run.log.add("client", number, "server", "text", frame.data)
    ws.send_close(1000, b"")
    run.log.close("client", number, "client", 1000)
    # recv_frame, unlike recv_data_frame, does not answer a close with another one.
    run.log.add("client", number, "server", "close", ws.recv_frame().data)
    ws.shutdown()


def node_watched(run, script, *arguments):
    done = lab.subprocess.run(["node", "--require", str(lab.MAKE / "endpoints/watch_ws.cjs"), str(lab.MAKE / "endpoints" / script),
                               *map(str, arguments)], text=True, stdout=lab.subprocess.PIPE, timeout=60, check=True)
    run.log.take(done.stdout)


@sample("socketio-upgrade.pcapng", programs=["socket.io", "socket.io-client", "ws"], bpf="tcp port 9007",
        shows="Socket.IO: long polling first, then the upgrade with its probe; events, acknowledgement, binary attachment, heart-beats")
def socket_io(run):
    node_watched(run, "socket_io.cjs", 9007)


@sample("socketio-websocket-only.pcapng", programs=["socket.io", "socket.io-client", "ws"], bpf="tcp port 9007",
        shows="Socket.IO with the WebSocket transport from the start")
def socket_io_direct(run):
    node_watched(run, "socket_io.cjs", 9007, "websocket")


@sample("stomp.pcapng", programs=["stomp-broker-js", "@stomp/stompjs"], bpf="tcp port 9008",
        shows="STOMP 1.2: CONNECT, SUBSCRIBE, SEND, MESSAGE, heart-beats, DISCONNECT")
def stomp(run):
    node_watched(run, "stomp.cjs", 9008)


@sample("mqtt-mosquitto.pcapng", programs=["Mosquitto", "mqtt", "ws"], bpf="tcp port 9009",
        shows="MQTT 3.1.1 and MQTT 5 over binary messages: Mosquitto (libwebsockets) with mqtt.js; keep-alive PINGREQ")
def mqtt(run):
    configuration = run.work / "mosquitto.conf"
    configuration.write_text("listener 1883 127.0.0.1\nlistener 9009\nprotocol websockets\nallow_anonymous true\nuser root\n")
    run.spawn("/usr/sbin/mosquitto", "-c", configuration, port=9009)
    node_watched(run, "mqtt_client.cjs", 9009)


if __name__ == "__main__":
    lab.main("programs")
