"""A bridge from WebSockets to a broker's TCP port, as websockify is one: bytes go on as they come, or in pieces of a fixed size."""

import asyncio
import contextlib


async def carry(connection, port, piece=None):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    async def back():
        # What the broker writes in one turn comes as one message, several packets or not.
        while data := await reader.read(4096):
            await asyncio.sleep(0.03)
            with contextlib.suppress(asyncio.TimeoutError):
                data += await asyncio.wait_for(reader.read(4096), 0.01)
            for at in range(0, len(data), piece or len(data)):
                await connection.send(data[at : at + (piece or len(data))])
        await connection.close()

    carrying = asyncio.create_task(back())
    async for message in connection:
        writer.write(message)
    writer.close()
    with contextlib.suppress(asyncio.CancelledError, ConnectionError):
        await asyncio.wait_for(carrying, 1)
