"""Socket.IO and Engine.IO: generations 2 and 4, text and MessagePack, polling before the upgrade, binary attachments."""

import stage

stage.enter()

import lab
from stage import sample

FOUR = ["socket.io", "socket.io-client", "ws"]
TWO = ["socket.io=socket.io-v2", "socket.io-client=socket.io-client-v2"]
SHOWS = "events, acks both ways, binary both ways, namespaces, heart-beats, ended by the server and by the client"


@sample("socketio4-upgrade.pcapng", programs=FOUR, bpf="tcp port 9007",
        shows=f"Socket.IO 4 (EIO=4): long polling first, then the probe and the upgrade; {SHOWS}; a refused namespace")
def upgrade(run):
    run.node("socketio.cjs", 9007, 4, "upgrade")


for generation, programs in (("4", FOUR), ("2", TWO)):
    @sample(f"socketio{generation}-polled.pcapng", programs=programs, bpf="tcp port 9007",
            shows=f"Socket.IO {generation}: namespaces, an event with an ack and {'binary' if generation == '2' else 'more'} by polling before the upgrade, "
                  "then the ack and more over the WebSocket")
    def polled(run, generation=generation):
        run.node("socketio.cjs", 9007, generation, "polled")


@sample("socketio4-websocket.pcapng", programs=FOUR, bpf="tcp port 9007",
        shows=f"Socket.IO 4 over WebSocket only; {SHOWS}; a refused namespace")
def websocket(run):
    run.node("socketio.cjs", 9007, 4, "websocket")


@sample("socketio4-msgpack.pcapng", programs=[*FOUR, "socket.io-msgpack-parser"], bpf="tcp port 9007",
        shows=f"Socket.IO 4 with socket.io-msgpack-parser: each packet one MessagePack map; {SHOWS}")
def msgpack(run):
    run.node("socketio.cjs", 9007, 4, "websocket", "socket.io-msgpack-parser")


@sample("socketio4-no-pong.pcapng", programs=FOUR, bpf="tcp port 9007",
        expect=[(1, "the client stops answering Engine.IO's pings; the server closes after pingTimeout", "ping-unanswered", "life")],
        shows="Socket.IO 4: the client stops answering pings (pingInterval 200, pingTimeout 300 ms), the server closes")
def silent(run):
    run.node("socketio.cjs", 9007, 4, "silent")


@sample("socketio2-upgrade.pcapng", programs=TWO, bpf="tcp port 9007",
        shows=f"Socket.IO 2 (EIO=3): long polling first, then the upgrade; the client pings; {SHOWS}")
def upgrade_two(run):
    run.node("socketio.cjs", 9007, 2, "upgrade")


@sample("socketio2-websocket.pcapng", programs=TWO, bpf="tcp port 9007",
        shows=f"Socket.IO 2 (EIO=3) over WebSocket only; binary with the type byte 4; {SHOWS}")
def websocket_two(run):
    run.node("socketio.cjs", 9007, 2, "websocket")


for version in (3, 4):
    @sample(f"engineio{version}-alone.pcapng", programs=TWO if version == 3 else ["engine.io", "engine.io-client", "ws"], bpf="tcp port 9007",
            shows=f"Engine.IO {version} without Socket.IO: texts, binary{' with its type byte and as base64' if version == 3 else ''}, heart-beats, closed by the server")
    def alone(run, version=version):
        run.node("engineio.cjs", 9007, version)


@sample("socketio4-python.pcapng", programs=["python-socketio", "aiohttp"], bpf="tcp port 9007",
        shows="Socket.IO 4 in Python on both ends (python-socketio, aiohttp): two namespaces, acks, binary both ways, heart-beats")
def python(run):
    script = stage.HERE / "socketio_python.py"
    running = run.spawn(lab.PYTHON, script, "server", 9007, port=9007)
    run.program([str(lab.PYTHON), str(script), "client", "9007"])
    run.take(running.output.read_text())


if __name__ == "__main__":
    stage.main()
