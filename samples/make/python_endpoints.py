"""Python `websockets` endpoints whose every frame is logged by the library's own connection objects."""

import asyncio
import contextlib

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

PLAIN = {"compression": None}
QUIET = {"ping_interval": None, "close_timeout": 5}


def server(run, handler, port=9001, host="127.0.0.1", **options):
    """A server that logs into `run`; `handler(connection)` as in the library. An async context manager."""

    def create(*arguments, **named):
        connection = ServerConnection(*arguments, **named)
        run.log.tap("server", connection)
        return connection

    async def handle(connection):
        with contextlib.suppress(ConnectionClosed):
            await handler(connection)

    return serve(handle, host, port, create_connection=create, server_header="Python websockets", **{**QUIET, **options})


def client(run, uri="ws://127.0.0.1:9001/", **options):
    """A client connection that logs into `run`; await it or use it as an async context manager."""

    def create(*arguments, **named):
        connection = ClientConnection(*arguments, **named)
        run.log.tap("client", connection)
        return connection

    return connect(uri, create_connection=create, proxy=options.pop("proxy", None), **{**QUIET, **options})


async def echo(connection):
    """Send every message back, as it came."""
    async for message in connection:
        await connection.send(message)


async def settle(seconds=0.05):
    """Let what is on its way arrive, so that the packets of one step do not mix with those of the next."""
    await asyncio.sleep(seconds)
