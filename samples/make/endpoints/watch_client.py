"""Clients of Python libraries that connect N times, one after the other, and print how each ended: LIBRARY URI N."""

import asyncio
import sys

library, uri, times = sys.argv[1], sys.argv[2], int(sys.argv[3])


def ended(code, reason, error=None):
    print(f"ended with {code} {reason or ''}{f' ({error})' if error else ''}".strip(), flush=True)


async def with_websockets():
    from websockets.asyncio.client import connect
    from websockets.exceptions import ConnectionClosed

    async with connect(uri, compression=None, ping_interval=None, proxy=None, close_timeout=1) as connection:
        await connection.send("hello")
        try:
            async for _ in connection:
                pass
            ended(connection.close_code, connection.close_reason)
        except ConnectionClosed as error:
            ended(connection.close_code, connection.close_reason, error)


async def with_aiohttp():
    import aiohttp

    async with aiohttp.ClientSession() as session, session.ws_connect(uri, compress=0) as ws:
        await ws.send_str("hello")
        async for message in ws:
            if message.type not in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
                print(message, flush=True)
        ended(ws.close_code, "", ws.exception())


async def with_tornado():
    from tornado.websocket import websocket_connect

    ws = await websocket_connect(uri)
    ws.write_message("hello")
    while await ws.read_message() is not None:
        pass
    ended(ws.close_code, ws.close_reason)


async def with_websocket_client():
    import websocket

    def run():
        ws = websocket.create_connection(uri, timeout=2)
        ws.send("hello")
        while True:
            opcode, data = ws.recv_data()
            if opcode == 8:
                return ended(int.from_bytes(data[:2], "big") if data else None, data[2:].decode(errors="replace"))

    await asyncio.to_thread(run)


async def main():
    for _ in range(times):
        try:
            await asyncio.wait_for(globals()[f"with_{library.replace('-', '_')}"](), 5)
        except Exception as error:
            print(f"{type(error).__name__}: {error}", flush=True)


asyncio.run(main())
