"""A websockets server that ends each connection with the code and the reason that its path asks for: /CODE/REASON."""

import asyncio
import sys
import urllib.parse

from websockets.asyncio.server import serve


async def close(connection):
    _, code, reason = urllib.parse.unquote(connection.request.path).split("/", 2)
    await connection.send('{"type":"hello"}')
    await connection.close(int(code), reason)


async def main():
    async with serve(close, "127.0.0.1", int(sys.argv[1]), compression=None):
        await asyncio.get_running_loop().create_future()


asyncio.run(main())
