"""signalr_server.py PORT: a SignalR hub (aiosignalr on aiohttp) at /hub. Its frames are text for JSON, as ASP.NET's are."""

import asyncio
import sys

from aiohttp import web
from aiosignalr.errors import HubException
from aiosignalr.messages import CloseMessage
from aiosignalr.protocol import messagepack_protocol
from aiosignalr.server import Hub, IncomingStream, ServerOptions, SignalRServer, aiohttp_server


class Socket(aiohttp_server._AiohttpSocket):
    """aiosignalr sends everything as binary; ASP.NET sends by the format that the handshake chose."""

    as_text = None

    async def recv(self):
        received = await super().recv()
        if self.as_text is None and received:
            self.as_text = b'"messagepack"' not in received[1]
        return received

    async def send_bytes(self, data):
        await (self._ws.send_str(data.decode()) if self.as_text else self._ws.send_bytes(data))


class Lab(Hub):
    async def Add(self, a: int, b: int) -> int:
        return a + b

    async def Nothing(self):
        pass

    async def Echo(self, value: object) -> object:
        return value

    async def Fail(self) -> int:
        raise HubException("no such item")

    async def Shout(self, user: str, text: str):
        await self.clients.all.send("ReceiveMessage", user, text)

    async def Counter(self, count: int, cancellation_token):
        for n in range(count):
            if cancellation_token.is_set():
                return
            yield n
            await asyncio.sleep(0.02)

    async def Upload(self, values: IncomingStream) -> int:
        return sum([value async for value in values])

    async def AskBack(self):
        asyncio.get_running_loop().create_task(self.ask(self.clients.caller))

    async def ask(self, caller):
        await caller.send("Answered", await caller.invoke("Question", "how many?"))

    async def Leave(self):
        context = server.get_connection(self.context.connection_id)
        await context.send(CloseMessage(error="the hub is closing", allow_reconnect=False))
        await self.close(1000)


aiohttp_server._AiohttpSocket = Socket
# aiosignalr 0.1 writes nil where the specification wants an empty map, which Microsoft's client refuses.
messagepack_protocol._EMPTY_HEADERS = {}
messagepack_protocol._pack_headers = lambda headers: dict(headers or {})
server = SignalRServer(Lab, options=ServerOptions(keep_alive_interval=0.3, allow_stateful_reconnects=True))
web.run_app(aiohttp_server.build_aiohttp_app(server), host="127.0.0.1", port=int(sys.argv[1]), print=None)
