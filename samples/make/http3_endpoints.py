"""WebSockets over HTTP/3 (RFC 9220): aioquic for QUIC and HTTP/3, `wsproto` for the frames inside the streams.

Both ends log what they send and receive at `wsproto`. A server answers by path, as `Server.PATHS` says.
"""

import asyncio
import contextlib
import random
import socket
import ssl

from aioquic.asyncio.client import connect
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.asyncio.server import serve
from aioquic.h3.connection import ErrorCode, H3Connection
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import ConnectionTerminated, ProtocolNegotiated, StreamReset
from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Ping, Pong, TextMessage
from wsproto.extensions import PerMessageDeflate

import lab


# A page that asks for a little over HTTP/3, and then opens a WebSocket at the same origin.
PAGE = b"""<title>lab</title><script>
(async () => {
  for (let n = 0; n < 4; n++) await fetch('/part?' + n, {headers: {'x-lab': 'the same words in each request'}});
  new WebSocket('wss://localhost:' + location.port + '/echo');
})();
</script>"""


class Watched(Connection):
    """A `wsproto` connection that logs into `run`."""

    def __init__(self, run, observer, extensions=()):
        kind = ConnectionType.CLIENT if observer == "client" else ConnectionType.SERVER
        super().__init__(kind, list(extensions))
        self.run, self.observer, self.other = run, observer, "server" if observer == "client" else "client"
        self.number, self.held = run.log.open(observer), {}

    def send(self, event):
        self.note(self.observer, event)
        return super().send(event)

    def events(self):
        for event in super().events():
            self.note(self.other, event)
            yield event

    def note(self, side, event):
        log = self.run.log
        if isinstance(event, (TextMessage, BytesMessage)):
            kind = "text" if isinstance(event, TextMessage) else "binary"
            data = event.data.encode() if kind == "text" else bytes(event.data)
            self.held[side] = self.held.get(side, b"") + data
            if event.message_finished:
                log.add(self.observer, self.number, side, kind, self.held.pop(side))
        elif isinstance(event, (Ping, Pong)):
            log.add(self.observer, self.number, side, type(event).__name__.lower(), bytes(event.payload))
        elif isinstance(event, CloseConnection):
            log.close(self.observer, self.number, side, event.code, event.reason or "")


class Endpoint(QuicConnectionProtocol):
    """What client and server share: one HTTP/3 connection, its WebSockets by stream."""

    run = None
    observer = ""

    def __init__(self, *arguments, **named):
        super().__init__(*arguments, **named)
        self.http, self.sockets, self.ended = None, {}, None

    def quic_event_received(self, event):
        if isinstance(event, ProtocolNegotiated):
            self.begin()
        elif isinstance(event, StreamReset):
            self.reset(event.stream_id, event.error_code)
        elif isinstance(event, ConnectionTerminated):
            self.ended = event
        if self.http is not None:
            for each in self.http.handle_event(event):
                self.http_event(each)

    def begin(self):
        self.http = self.http or H3Connection(self._quic)

    def reset(self, stream, code):
        self.sockets.pop(stream, None)

    def http_event(self, event):
        if isinstance(event, HeadersReceived):
            self.headers(event.stream_id, dict(event.headers), event.stream_ended)
        elif isinstance(event, DataReceived):
            self.data(event.stream_id, event.data, event.stream_ended)

    def send(self, stream, data=b"", end=False):
        self.http.send_data(stream, data, end)
        self.transmit()

    def data(self, stream, data, ended):
        websocket = self.sockets.get(stream)
        if websocket is not None and data:
            websocket.receive_data(data)
            for event in websocket.events():
                self.frame(stream, websocket, event)

    def frame(self, stream, websocket, event):
        raise NotImplementedError


class Server(Endpoint):
    observer = "server"

    def headers(self, stream, headers, ended):
        path = headers.get(b":path", b"").decode()
        if headers.get(b":protocol") != b"websocket":
            self.http.send_headers(stream, [(b":status", b"200"), (b"content-type", b"text/html"), (b"server", b"lab")])
            return self.send(stream, PAGE if path == "/page" else b"<title>lab</title>", True)
        if path == "/missing":
            self.http.send_headers(stream, [(b":status", b"404"), (b"content-type", b"text/plain")])
            return self.send(stream, b"no such room", True)
        if path == "/silent":
            return self.transmit()
        answer, extensions = [(b":status", b"200"), (b"server", b"lab")], []
        offer = headers.get(b"sec-websocket-extensions")
        if offer:
            deflate = PerMessageDeflate()
            agreed = deflate.accept(offer.decode())
            text = "permessage-deflate" + (f"; {agreed}" if isinstance(agreed, str) and agreed else "")
            answer.append((b"sec-websocket-extensions", text.encode()))
            extensions.append(deflate)
        if b"sec-websocket-protocol" in headers:
            answer.append((b"sec-websocket-protocol", headers[b"sec-websocket-protocol"].split(b",")[0]))
        self.sockets[stream] = websocket = Watched(self.run, "server", extensions)
        websocket.path = path
        self.http.send_headers(stream, answer)
        self.transmit()

    def frame(self, stream, websocket, event):
        if isinstance(event, Ping):
            return self.send(stream, websocket.send(event.response()))
        if isinstance(event, CloseConnection):
            return self.send(stream, websocket.send(event.response()), True)
        if websocket.path == "/reset":
            self._quic.reset_stream(stream, ErrorCode.H3_INTERNAL_ERROR)
            return self.transmit()
        if websocket.path == "/end":
            return self.send(stream, end=True)
        if websocket.path == "/quit":
            return self.close(ErrorCode.H3_INTERNAL_ERROR, reason_phrase="the server gives up")
        if websocket.path == "/mute":
            return None
        if isinstance(event, (TextMessage, BytesMessage)):
            self.send(stream, websocket.send(type(event)(data=event.data, message_finished=event.message_finished)))


class Client(Endpoint):
    observer = "client"

    def __init__(self, *arguments, **named):
        super().__init__(*arguments, **named)
        self.answers, self.messages, self.authority = {}, {}, b"localhost"

    def headers(self, stream, headers, ended):
        if stream in self.answers and not self.answers[stream].done():
            self.answers[stream].set_result(headers)

    def frame(self, stream, websocket, event):
        if isinstance(event, Ping):
            return self.send(stream, websocket.send(event.response()))
        self.messages[stream].put_nowait(event)

    async def request(self, path, extra=(), websocket=True, end=False):
        stream = self._quic.get_next_available_stream_id()
        method = b"CONNECT" if websocket else b"GET"
        protocol = [(b":protocol", b"websocket")] if websocket else []
        head = [(b":method", method), (b":scheme", b"https"), (b":authority", self.authority), (b":path", path.encode()), *protocol]
        if websocket:
            head += [(b"sec-websocket-version", b"13"), (b"origin", b"https://localhost")]
        self.answers[stream] = asyncio.get_running_loop().create_future()
        self.http.send_headers(stream, [*head, (b"user-agent", b"aioquic lab"), *extra], end)
        self.transmit()
        return stream

    async def get(self, path="/"):
        stream = await self.request(path, websocket=False, end=True)
        return await asyncio.wait_for(self.answers[stream], 5)

    async def websocket(self, path="/echo", deflate=False, protocol=None, extra=(), wait=True):
        extensions, more = [], list(extra)
        if deflate:
            extensions.append(PerMessageDeflate())
            more.append((b"sec-websocket-extensions", b"permessage-deflate"))
        if protocol:
            more.append((b"sec-websocket-protocol", protocol.encode()))
        stream = await self.request(path, more)
        self.messages[stream] = asyncio.Queue()
        if wait:
            answer = await asyncio.wait_for(self.answers[stream], 10)
            if answer[b":status"] != b"200":
                return None
            if deflate:
                extensions[0].finalize(answer[b"sec-websocket-extensions"].decode())
        self.sockets[stream] = Watched(self.run, "client", extensions)
        return Socket(self, stream)

    async def rebind(self):
        """Go on from another port: a migration."""
        both = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        both.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        both.bind(("::", 0))
        self._transport.close()
        await asyncio.get_running_loop().create_datagram_endpoint(lambda: self, sock=both)
        self.change_connection_id()


class Socket:
    """One WebSocket of a client."""

    def __init__(self, client, stream):
        self.client, self.stream = client, stream

    @property
    def wsproto(self):
        return self.client.sockets[self.stream]

    def send(self, event, end=False):
        self.client.send(self.stream, self.wsproto.send(event), end)

    async def hear(self):
        return await asyncio.wait_for(self.client.messages[self.stream].get(), 20)

    async def say(self, data):
        """Send a message and wait until it is echoed whole."""
        self.send(TextMessage(data=data) if isinstance(data, str) else BytesMessage(data=data))
        heard = await self.hear()
        while not heard.message_finished:
            heard = await self.hear()

    async def close(self, code=1000, reason=None):
        self.send(CloseConnection(code=code, reason=reason))
        await self.hear()
        self.client.send(self.stream, end=True)


def configuration(run, is_client, certificate="localhost", **options):
    made = QuicConfiguration(is_client=is_client, alpn_protocols=["h3"], **options)
    where = lab.certificates()
    if is_client:
        made.verify_mode, made.server_name = ssl.CERT_NONE, "localhost"
        made.secrets_log_file = open(run.keys, "a", buffering=1)
    else:
        made.load_cert_chain(where / f"{certificate}.pem", where / f"{certificate}.key")
    return made


@contextlib.asynccontextmanager
async def server(run, port, retry=False, tickets=None, **options):
    """A server on 127.0.0.1; `tickets` is a dictionary that keeps session tickets."""
    create = type("RunServer", (Server,), {"run": run})
    named = {}
    if tickets is not None:
        named = {"session_ticket_fetcher": tickets.get, "session_ticket_handler": lambda t: tickets.__setitem__(t.ticket, t)}
    running = await serve("127.0.0.1", port, configuration=configuration(run, False, **options), create_protocol=create, retry=retry, **named)
    try:
        yield running
    finally:
        running.close()


class Link(asyncio.DatagramProtocol):
    """A bad link: a port that hands datagrams on to another, and loses some and delays some on the way. Each client of it is
    told apart by a socket of its own."""

    def __init__(self, port, loss, late, seed):
        self.port, self.loss, self.late, self.random, self.sockets = port, loss, late, random.Random(seed), {}

    def connection_made(self, transport):
        self.transport = transport

    def pass_on(self, send):
        if self.random.random() >= self.loss:
            delay = 0.03 if self.random.random() < self.late else 0.004
            asyncio.get_running_loop().call_later(delay, send)

    def datagram_received(self, data, address):
        asyncio.ensure_future(self.forward(data, address))

    async def forward(self, data, address):
        if address not in self.sockets:
            back = self

            class Back(asyncio.DatagramProtocol):
                def datagram_received(self, data, _):
                    back.pass_on(lambda: back.transport.sendto(data, address))

            made = asyncio.get_running_loop().create_datagram_endpoint(Back, remote_addr=("127.0.0.1", self.port))
            self.sockets[address] = asyncio.ensure_future(made)
        transport, _ = await self.sockets[address]
        self.pass_on(lambda: transport.sendto(data))


@contextlib.asynccontextmanager
async def bad_link(port, to, loss=0.08, late=0.2, seed=1):
    """A link from this port of 127.0.0.1 to another one."""
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: Link(to, loss, late, seed), local_addr=("127.0.0.1", port))
    try:
        yield
    finally:
        transport.close()


def client(run, port, wait=True, ticket=None, on_ticket=None, **options):
    """A client connection: an asynchronous context manager."""
    create = type("RunClient", (Client,), {"run": run})
    made = configuration(run, True, **options)
    made.session_ticket = ticket
    return connect("127.0.0.1", port, configuration=made, create_protocol=create, session_ticket_handler=on_ticket, wait_connected=wait)
