"""socketio_python.py server|client PORT: python-socketio. The log is the packets that its own encoder is given."""

import asyncio
import base64
import json
import sys

import socketio
from aiohttp import web
from aiohttp._websocket.writer import WebSocketWriter
from engineio import packet as engineio_packet
from socketio import packet as socketio_packet

NAMES = ["connect", "disconnect", "event", "ack", "connect_error", "binary_event", "binary_ack"]


def watch_frames(side, units):
    """Print what this end's aiohttp has sent, before it is compressed, and the unit that it was made of."""
    send = WebSocketWriter.send_frame
    kinds = {1: "text", 2: "binary", 8: "close", 9: "ping", 10: "pong"}

    async def sent(self, message, opcode, *more, **options):
        result = await send(self, message, opcode, *more, **options)
        line = {"observer": side, "connection": 1, "side": side, "kind": kinds[opcode], "base64": base64.b64encode(message).decode()}
        for each in (line, units.get(bytes(message))):
            if each:
                print(json.dumps(each, ensure_ascii=False, separators=(",", ":")), flush=True)
        return result

    WebSocketWriter.send_frame = sent


def watch(side):
    """Remember what is encoded, by its text; the Engine.IO packet around it is encoded right after."""
    described, units = {}, {}
    watch_frames(side, units)
    encode, encode_engine = socketio_packet.Packet.encode, engineio_packet.Packet.encode

    def inner(self):
        parts = encode(self)
        parts_list = parts if isinstance(parts, list) else [parts]
        fields = {"engineio.type": "message", "socketio.type": NAMES[self.packet_type], "socketio.namespace": self.namespace or "/"}
        if self.packet_type in (2, 5):
            fields["socketio.event"] = self.data[0]
        if self.id is not None:
            fields["socketio.id"] = self.id
        described[parts_list[0]] = fields
        for n, part in enumerate(parts_list[1:], 1):
            described[bytes(part)] = {"engineio.type": "message", "socketio.attachment": n}
        return parts

    def outer(self, b64=False):
        encoded = encode_engine(self, b64)
        fields = described.get(self.data) if isinstance(self.data, (str, bytes)) else None
        kind = engineio_packet.packet_names[self.packet_type].lower()
        units[encoded.encode() if isinstance(encoded, str) else bytes(encoded)] = {
            "connection": 1, "from": side, "protocol": "socket.io" if fields else "engine.io", "fields": fields or {"engineio.type": kind}}
        return encoded

    socketio_packet.Packet.encode, engineio_packet.Packet.encode = inner, outer


def serve(port):
    watch("server")
    io = socketio.AsyncServer(async_mode="aiohttp", ping_interval=1, ping_timeout=5)

    @io.event
    async def chat(sid, text):
        await io.emit("chat", {"text": text}, to=sid)
        return "seen", 1

    @io.event
    async def upload(sid, name, data):
        await io.emit("file", {"name": name, "parts": [data, b"\x00\x01\xff"]}, to=sid)
        return data[:2]

    @io.event(namespace="/admin")
    async def connect(sid, _environment, auth):
        if (auth or {}).get("token") != "sesame-4711":
            raise socketio.exceptions.ConnectionRefusedError("not authorised", {"code": 7})

    application = web.Application()
    io.attach(application)
    web.run_app(application, host="127.0.0.1", port=port, print=None)


async def talk(port):
    watch("client")
    io = socketio.AsyncClient(reconnection=False)
    arrived = asyncio.Event()
    io.on("file", lambda _: arrived.set())
    await io.connect(f"http://127.0.0.1:{port}", transports=["websocket"], namespaces=["/", "/admin"], auth={"token": "sesame-4711"})
    await io.call("chat", "Grüße, 世界")
    await io.call("upload", ("a.bin", bytes(range(6))))
    await arrived.wait()
    await asyncio.sleep(1.3)
    await io.emit("no such", [None, True, 1.5])
    await asyncio.sleep(0.2)
    await io.disconnect()


if __name__ == "__main__":
    serve(int(sys.argv[2])) if sys.argv[1] == "server" else asyncio.run(talk(int(sys.argv[2])))
