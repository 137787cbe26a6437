"""Echo servers of Python libraries that print how each connection ended: echo_server.py LIBRARY PORT [ADDRESS]."""

import asyncio
import logging
import sys

library, port = sys.argv[1], int(sys.argv[2])
address = sys.argv[3] if len(sys.argv) > 3 else "127.0.0.1"
logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stdout)


def ended(code, reason, error=None):
    print(f"ended with {code} {reason or ''}{f' ({error})' if error else ''}".strip(), flush=True)


async def with_websockets():
    from websockets.asyncio.server import serve
    from websockets.exceptions import ConnectionClosed

    async def echo(connection):
        try:
            async for message in connection:
                await connection.send(message)
            ended(connection.close_code, connection.close_reason)
        except ConnectionClosed as error:
            ended(connection.close_code, connection.close_reason, error)

    async with serve(echo, address, port, compression=None, ping_interval=None):
        await asyncio.get_running_loop().create_future()


async def with_tornado():
    import tornado.web
    import tornado.websocket

    class Handler(tornado.websocket.WebSocketHandler):
        def on_message(self, message):
            self.write_message(message, binary=isinstance(message, bytes))

        def on_close(self):
            ended(self.close_code, self.close_reason)

    tornado.web.Application([("/.*", Handler)]).listen(port, address)
    await asyncio.get_running_loop().create_future()


async def with_aiohttp():
    from aiohttp import WSMsgType, web

    async def handler(request):
        ws = web.WebSocketResponse(compress=False)
        await ws.prepare(request)
        async for message in ws:
            if message.type == WSMsgType.TEXT:
                await ws.send_str(message.data)
            elif message.type == WSMsgType.BINARY:
                await ws.send_bytes(message.data)
        ended(ws.close_code, "", ws.exception())
        return ws

    application = web.Application()
    application.router.add_get("/{path:.*}", handler)
    runner = web.AppRunner(application, handle_signals=False)
    await runner.setup()
    await web.TCPSite(runner, address, port).start()
    await asyncio.get_running_loop().create_future()


def with_autobahn():
    from autobahn.asyncio.websocket import WebSocketServerFactory, WebSocketServerProtocol

    class Echo(WebSocketServerProtocol):
        def onMessage(self, payload, isBinary):
            self.sendMessage(payload, isBinary)

        def onClose(self, clean, code, reason):
            ended(code, reason)

    factory = WebSocketServerFactory()
    factory.protocol = Echo
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    factory.loop = loop
    loop.run_until_complete(loop.create_server(factory, address, port))
    loop.run_forever()


chosen = globals()[f"with_{library}"]
asyncio.run(chosen()) if asyncio.iscoroutinefunction(chosen) else chosen()
