"""sockjs_server.py PORT: PyPI sockjs on aiohttp at /echo: an echo, several messages at once, a close."""

import sys

import sockjs
from aiohttp import web


async def handler(manager, session, message):
    if message.type == sockjs.MsgType.MESSAGE:
        if message.data == "several":
            for word in ("one", "two", 'three "quoted" \\'):
                session.send(word)
        elif message.data == "leave":
            session.close(3002, "bye from Python")
        else:
            session.send(message.data)


application = web.Application()
sockjs.add_endpoint(application, handler, name="echo", prefix="/echo", heartbeat_delay=0.4)
web.run_app(application, host="127.0.0.1", port=int(sys.argv[1]), print=None)
