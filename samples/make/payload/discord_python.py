"""discord_python.py PORT: Discord's gateway with compress=zstd-stream: discord.py with a small server on aiohttp. The log is the objects that
each end writes as JSON, and the frames as aiohttp has sent them."""

import asyncio
import base64
import json
import sys
from types import SimpleNamespace

import aiohttp
import discord
import yarl
import zstandard
from aiohttp import web
from aiohttp._websocket.writer import WebSocketWriter
from discord import gateway, utils
from discord.http import HTTPClient

TOKEN = "sesame-4711"
KINDS = {1: "text", 2: "binary", 8: "close", 9: "ping", 10: "pong"}
written = {}


def tell(line):
    print(json.dumps(line, ensure_ascii=False, separators=(",", ":")), flush=True)


def unit(side, message):
    fields = {"discord.op": message["op"]}
    if message.get("t"):
        fields |= {"discord.t": message["t"], "discord.s": message["s"]}
    tell({"connection": 1, "from": side, "protocol": "discord", "fields": fields})


def watch():
    """Print what aiohttp sends on either side (clients mask), and of a client's text the object it was written from."""
    send, to_json = WebSocketWriter.send_frame, utils._to_json

    async def sent(self, message, opcode, *more, **options):
        side = "client" if self.use_mask else "server"
        tell({"observer": side, "connection": 1, "side": side, "kind": KINDS[opcode], "base64": base64.b64encode(message).decode()})
        if side == "client" and bytes(message) in written:
            unit(side, written[bytes(message)])
        return await send(self, message, opcode, *more, **options)

    def writing(value):
        text = to_json(value)
        written[text.encode()] = value
        return text

    WebSocketWriter.send_frame, utils._to_json = sent, writing


async def serve(request):
    socket = web.WebSocketResponse(compress=False)
    await socket.prepare(request)
    stream = zstandard.ZstdCompressor().compressobj()
    sequence = 0

    async def send(message):
        unit("server", message)
        piece = stream.compress(json.dumps(message).encode()) + stream.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)
        cut = 60 if message["t"] == "GUILD_JOIN_REQUEST_UPDATE" else len(piece)
        for part in filter(None, (piece[:cut], piece[cut:])):
            await socket.send_bytes(part)

    async def dispatch(name, data):
        nonlocal sequence
        sequence += 1
        await send({"op": 0, "s": sequence, "t": name, "d": data})

    await send({"op": 10, "s": None, "t": None, "d": {"heartbeat_interval": 400}})
    async for message in socket:
        said = json.loads(message.data)
        if said["op"] == 1:
            await send({"op": 11, "s": None, "t": None, "d": None})
        if said["op"] == 2:
            user = {"id": "1", "username": "ada", "discriminator": "0", "avatar": None, "bot": True, "flags": 0}
            await dispatch("READY", {"v": 10, "user": user, "session_id": "S1", "resume_gateway_url": f"ws://127.0.0.1:{sys.argv[1]}/",
                                     "guilds": [], "application": {"id": "5", "flags": 0}, "shard": [0, 1]})
            await dispatch("GUILD_JOIN_REQUEST_UPDATE", {"users": [{"id": str(n), "name": f"member {n * 7919}"} for n in range(40)]})
            for n in range(12):
                await dispatch("TYPING_START", {"channel_id": "7", "user_id": str(n), "timestamp": n, "note": "Grüße, 世界 " * n})
    return socket


async def no_login(self, token):
    """Log in without the HTTP interface, which is not here."""
    self.connector = aiohttp.TCPConnector()
    self._HTTPClient__session = aiohttp.ClientSession(connector=self.connector)
    self._global_over = asyncio.Event()
    self._global_over.set()
    self.token = token
    return {"id": "1", "username": "ada", "discriminator": "0", "avatar": None, "bot": True}


class Client(discord.Client):
    async def application_info(self):
        return SimpleNamespace(id=1, flags=0, interactions_endpoint_url=None)


async def talk(port):
    application = web.Application()
    application.add_routes([web.get("/", serve)])
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(f"ws://127.0.0.1:{port}/")
    HTTPClient.static_login = no_login
    utils._ActiveDecompressionContext = utils._ZstdDecompressionContext
    client = Client(intents=discord.Intents.default())
    running = asyncio.create_task(client.start(TOKEN))
    await asyncio.sleep(1.5)
    await client.close()
    await asyncio.wait([running], timeout=1)
    await runner.cleanup()


watch()
asyncio.run(talk(int(sys.argv[1])))
