"""sockjs_tornado.py PORT: PyPI sockjs-tornado at /echo: an echo, heart-beats as frames, a close."""

import collections
import collections.abc
import sys

# sockjs-tornado is older than the Python it runs on here.
collections.Callable = collections.abc.Callable

import tornado.ioloop
import tornado.web
from sockjs.tornado import SockJSConnection, SockJSRouter


class Echo(SockJSConnection):
    def on_message(self, message):
        if message == "leave":
            self.close()
        else:
            self.send(message)


router = SockJSRouter(Echo, "/echo", {"heartbeat_delay": 0.4, "sockjs_url": "/sockjs.js"})
tornado.web.Application(router.urls).listen(int(sys.argv[1]), "127.0.0.1")
tornado.ioloop.IOLoop.current().start()
