"""autobahn's WAMP client on asyncio: its WebSocket messages and its WAMP message objects, put into a sample's logs."""

import asyncio

import txaio

txaio.use_asyncio()

from autobahn.asyncio.wamp import ApplicationSession
from autobahn.asyncio.websocket import WampWebSocketClientFactory, WampWebSocketClientProtocol
from autobahn.wamp import message
from autobahn.wamp.types import ComponentConfig


def fields(it):
    """A WAMP message object in the names of the decoder."""
    out = {"wamp.type": type(it).__name__.upper()}
    for name, keys in {"wamp.request": ["request"], "wamp.realm": ["realm"], "wamp.session": ["session"],
                       "wamp.subscription": ["subscription"], "wamp.registration": ["registration"], "wamp.publication": ["publication"],
                       "wamp.uri": ["topic", "procedure", "error", "reason"]}.items():
        for key in keys:
            # A RESULT or an EVENT has such attributes too, empty.
            if (value := getattr(it, key, None)) is not None and not (name == "wamp.realm" and not isinstance(it, message.Hello)):
                out[name] = value
    return out


def protocol_class(run):
    class Protocol(WampWebSocketClientProtocol):
        def connection_made(self, transport):
            self.number = run.log.open("client")
            super().connection_made(transport)

        def sendMessage(self, payload, isBinary=False, **options):
            run.log.add("client", self.number, "client", "binary" if isBinary else "text", payload)
            return super().sendMessage(payload, isBinary, **options)

        def sendCloseFrame(self, code=None, reasonUtf8=None, isReply=False):
            run.log.close("client", self.number, "client", code, (reasonUtf8 or b"").decode())
            return super().sendCloseFrame(code, reasonUtf8, isReply)

        def onCloseFrame(self, code, reasonRaw):
            run.log.close("client", self.number, "server", code, (reasonRaw or b"").decode())
            return super().onCloseFrame(code, reasonRaw)

        def onPing(self, payload):
            run.log.add("client", self.number, "server", "ping", payload)
            run.log.add("client", self.number, "client", "pong", payload)
            return super().onPing(payload)

        def onMessage(self, payload, isBinary):
            run.log.add("client", self.number, "server", "binary" if isBinary else "text", payload)
            return super().onMessage(payload, isBinary)

        def send(self, msg):
            run.unit(self.number, "client", "wamp", **fields(msg))
            return super().send(msg)

        def onConnect(self, response):
            super().onConnect(response)
            unserialize = self._serializer.unserialize

            def watched(payload, isBinary=None):
                messages = unserialize(payload, isBinary)
                for msg in messages:
                    run.unit(self.number, "server", "wamp", **fields(msg))
                return messages

            self._serializer.unserialize = watched

    return Protocol


class Session(ApplicationSession):
    """Joins with a ticket; `joined` is done when it has, `left` when it is over."""

    def __init__(self, realm, ticket):
        super().__init__(ComponentConfig(realm=realm))
        self.ticket = ticket
        self.joined, self.left = asyncio.get_running_loop().create_future(), asyncio.get_running_loop().create_future()

    def onConnect(self):
        self.join(self.config.realm, ["ticket"], "ada")

    def onChallenge(self, challenge):
        return self.ticket

    def onJoin(self, details):
        self.joined.set_result(details)

    def onLeave(self, details):
        super().onLeave(details)
        if not self.joined.done():
            self.joined.set_result(None)

    def onDisconnect(self):
        self.left.set_result(None)


async def session(run, port, serializer, realm="lab", ticket="sesame-4711"):
    """A session that has joined, or been refused."""
    it = Session(realm, ticket)
    factory = WampWebSocketClientFactory(lambda: it, url=f"ws://127.0.0.1:{port}/ws", serializers=[serializer])
    factory.protocol = protocol_class(run)
    await asyncio.get_running_loop().create_connection(factory, "127.0.0.1", port)
    await it.joined
    return it
