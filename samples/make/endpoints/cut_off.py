"""A Python websockets endpoint that dies in mid-message: cut_off.py client|server URI-OR-PORT payload|fragments."""

import asyncio
import os
import signal
import socket
import sys

from websockets.asyncio.client import connect
from websockets.asyncio.server import serve

side, where, what = sys.argv[1:4]


async def die(connection):
    """Begin a message and be killed inside it."""
    await connection.send("before")
    if what == "payload":
        asyncio.get_running_loop().call_later(0.4, os.kill, os.getpid(), signal.SIGKILL)
        await connection.send("x" * 200_000)
    else:

        async def parts():
            yield "the first part, "
            yield "the second part, "
            await asyncio.sleep(0.2)
            os._exit(1)

        await connection.send(parts())


def small(sock):
    """A small buffer, so that most of a large message is still in the process when it dies."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    return sock


async def main():
    if side == "client":
        async with connect(where, compression=None, proxy=None, sock=small(socket.create_connection(("127.0.0.1", int(where.split(":")[2].split("/")[0]))))) as connection:
            await die(connection)
    else:
        async with serve(die, sock=small(socket.create_server(("127.0.0.1", int(where)))), compression=None):
            await asyncio.get_running_loop().create_future()


asyncio.run(main())
