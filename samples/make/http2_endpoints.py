"""WebSockets over HTTP/2 (RFC 8441): hypercorn as the server, the `h2` and `wsproto` libraries as the client.

What both ends send and receive is logged at `wsproto`, which both use for the frames inside the streams.
"""

import asyncio
import contextlib

import h2.config
import h2.connection
import h2.events
import h2.settings
import hypercorn.asyncio
import hypercorn.config
import wsproto.connection
from wsproto.events import BytesMessage, CloseConnection, Ping, Pong, TextMessage
from wsproto.connection import ConnectionState
from wsproto.extensions import PerMessageDeflate

CONNECT_PROTOCOL = h2.settings.SettingCodes.ENABLE_CONNECT_PROTOCOL


def watch(run):
    """Make every `wsproto` connection of this process log into `run`."""
    original = wsproto.connection.Connection

    class Watched(original):
        def __init__(self, connection_type, *arguments, **named):
            super().__init__(connection_type, *arguments, **named)
            self.observer = "client" if self.client else "server"
            self.other = "server" if self.client else "client"
            self.number = run.log.open(self.observer)
            self.held = {}

        def send(self, event):
            self.note(self.observer, event)
            return super().send(event)

        def events(self):
            for event in super().events():
                self.note(self.other, event)
                yield event

        def note(self, side, event):
            if isinstance(event, (TextMessage, BytesMessage)):
                kind = "text" if isinstance(event, TextMessage) else "binary"
                data = event.data.encode() if kind == "text" else bytes(event.data)
                self.held[side] = self.held.get(side, b"") + data
                if event.message_finished:
                    run.log.add(self.observer, self.number, side, kind, self.held.pop(side))
            elif isinstance(event, (Ping, Pong)):
                run.log.add(self.observer, self.number, side, type(event).__name__.lower(), bytes(event.payload))
            elif isinstance(event, CloseConnection):
                run.log.close(self.observer, self.number, side, event.code, event.reason or "")

    import hypercorn.protocol.ws_stream as ws_stream

    ws_stream.Connection = Watched
    return Watched


async def application(scope, receive, send):
    """An ASGI application: echoes over WebSockets, answers GET with a small page."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept", "subprotocol": (scope["subprotocols"] or [None])[0]})
        while True:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                return
            await send({"type": "websocket.send", **{k: message[k] for k in ("text", "bytes") if message.get(k) is not None}})
    elif scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/html")]})
        await send({"type": "http.response.body", "body": b"<title>lab</title>"})


@contextlib.asynccontextmanager
async def hypercorn_server(port, app=application, tls=None, host="127.0.0.1"):
    """hypercorn on the port; `tls` is (certificate, key)."""
    config = hypercorn.config.Config()
    config.bind, config.accesslog, config.errorlog = [f"{host}:{port}"], None, None
    config.websocket_ping_interval = None
    config.graceful_timeout = 0.2
    if tls:
        config.certfile, config.keyfile = map(str, tls)
    stop, task = asyncio.Event(), None
    task = asyncio.create_task(hypercorn.asyncio.serve(app, config, shutdown_trigger=stop.wait))
    await asyncio.sleep(0.3)
    try:
        yield
    finally:
        stop.set()
        # hypercorn 0.18 may fail while it shuts down with connections still open; the capture is complete by then.
        with contextlib.suppress(ExceptionGroup):
            await asyncio.wait_for(task, 10)


class Client:
    """An HTTP/2 client connection; `websocket` opens a stream with extended CONNECT."""

    def __init__(self, connection_class):
        self.connection_class = connection_class
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True, header_encoding="utf-8"))
        self.streams, self.responses, self.ended = {}, {}, {}
        self.changed = asyncio.Condition()
        self.connect_protocol = False

    async def open(self, host, port, tls=None, start=None):
        named = {"ssl": tls, "server_hostname": "localhost"} if tls else {}
        self.reader, self.writer = await asyncio.open_connection(host, port, **named)
        self.authority, self.scheme = f"localhost:{port}", "https" if tls else "http"
        if start:
            await start(self)
        else:
            self.h2.initiate_connection()
        await self.flush()
        self.task = asyncio.create_task(self.read())
        return self

    async def flush(self):
        self.writer.write(self.h2.data_to_send())
        await self.writer.drain()

    async def read(self):
        while data := await self.reader.read(65536):
            for event in self.h2.receive_data(data):
                await self.take(event)
            await self.flush()
            async with self.changed:
                self.changed.notify_all()
        async with self.changed:
            self.ended["connection"] = True
            self.changed.notify_all()

    async def take(self, event):
        if isinstance(event, h2.events.RemoteSettingsChanged):
            setting = event.changed_settings.get(CONNECT_PROTOCOL)
            self.connect_protocol = self.connect_protocol or bool(setting and setting.new_value)
        elif isinstance(event, h2.events.ResponseReceived):
            self.responses[event.stream_id] = dict(event.headers)
        elif isinstance(event, h2.events.DataReceived):
            self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            if event.stream_id in self.streams and event.data:
                self.streams[event.stream_id].receive(event.data)
        elif isinstance(event, (h2.events.StreamEnded, h2.events.StreamReset)):
            self.ended[event.stream_id] = event

    async def until(self, condition):
        async with self.changed:
            await asyncio.wait_for(self.changed.wait_for(condition), 10)

    async def get(self, path="/"):
        stream = self.h2.get_next_available_stream_id()
        self.h2.send_headers(stream, [(":method", "GET"), (":scheme", self.scheme), (":authority", self.authority), (":path", path),
                                      ("user-agent", "python-h2")], end_stream=True)
        await self.flush()
        await self.until(lambda: stream in self.ended)

    async def websocket(self, path="/chat", deflate=False, subprotocol=None, wait=True):
        if wait:
            await self.until(lambda: self.connect_protocol)
        stream = self.h2.get_next_available_stream_id()
        extension = PerMessageDeflate() if deflate else None
        headers = [(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", self.scheme), (":authority", self.authority),
                   (":path", path), ("sec-websocket-version", "13"), ("origin", f"{self.scheme}://{self.authority}"),
                   ("user-agent", "python-h2")]
        if extension:
            headers.append(("sec-websocket-extensions", f"permessage-deflate; {extension.offer()}"))
        if subprotocol:
            headers.append(("sec-websocket-protocol", subprotocol))
        self.h2.send_headers(stream, headers)
        await self.flush()
        await self.until(lambda: stream in self.responses or stream in self.ended or "connection" in self.ended)
        response = self.responses.get(stream)
        if response is None or response[":status"] != "200":
            return None
        accepted = response.get("sec-websocket-extensions")
        if extension and accepted:
            extension.finalize(accepted)
        self.streams[stream] = Stream(self, stream, [extension] if extension and accepted else [])
        return self.streams[stream]

    async def close(self):
        self.h2.close_connection()
        await self.flush()
        self.writer.close()
        with contextlib.suppress(Exception):
            await self.writer.wait_closed()
        self.task.cancel()


class Stream:
    """One WebSocket in one HTTP/2 stream."""

    def __init__(self, client, stream, extensions):
        self.client, self.stream = client, stream
        self.connection = client.connection_class(wsproto.connection.ConnectionType.CLIENT, extensions)
        self.messages, self.partial = asyncio.Queue(), None

    def receive(self, data):
        self.connection.receive_data(data)
        for event in self.connection.events():
            if isinstance(event, Ping):
                self.client.h2.send_data(self.stream, self.connection.send(event.response()))
            elif isinstance(event, (TextMessage, BytesMessage)):
                self.partial = event.data if self.partial is None else self.partial + event.data
                if event.message_finished:
                    self.messages.put_nowait(self.partial)
                    self.partial = None
            else:
                if isinstance(event, CloseConnection) and self.connection.state is ConnectionState.REMOTE_CLOSING:
                    self.client.h2.send_data(self.stream, self.connection.send(event.response()))
                self.messages.put_nowait(event)

    async def send(self, event):
        """Send one wsproto event, as fast as the peer's window allows."""
        data = self.connection.send(event)
        h2_ = self.client.h2
        while data:
            room = min(h2_.local_flow_control_window(self.stream), h2_.max_outbound_frame_size)
            if room <= 0:
                await self.client.until(lambda: h2_.local_flow_control_window(self.stream) > 0)
                continue
            h2_.send_data(self.stream, data[:room])
            data = data[room:]
            await self.client.flush()

    async def say(self, message):
        kind = TextMessage if isinstance(message, str) else BytesMessage
        await self.send(kind(data=message))
        return await asyncio.wait_for(self.messages.get(), 10)

    async def close(self, code=1000, reason=None, end=False):
        """Close the WebSocket; `end` also ends the stream, which hypercorn 0.18 cannot take once it has ended its own side."""
        await self.send(CloseConnection(code, reason))
        await asyncio.wait_for(self.messages.get(), 10)
        if end and self.stream not in self.client.ended:
            self.client.h2.end_stream(self.stream)
            await self.client.flush()

    async def reset(self, code):
        self.client.h2.reset_stream(self.stream, code)
        await self.client.flush()
