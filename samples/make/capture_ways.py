"""The same messages by polling, long polling, streaming, server-sent events and a WebSocket, side by side.

The server counts what it was asked and what it told, by its own hand: `<sample>.ways.json`, which the statistics are held against.
"""

import asyncio
import json

import lab

lab.enter()

import aiohttp
from aiohttp import WSMsgType, web

from lab import sample

PORT = 9010
# Seconds between one message and the next: two of them come in close succession, so that the second of these waits.
PAUSES = [0.35, 0.6, 0.25, 0.03, 0.7, 0.4, 0.55, 0.02, 0.45, 0.5]
INTERVAL = 0.2
WAYS = ["polling", "long-polling", "streaming", "server-sent-events", "websocket"]


class Board:
    """What there is to tell, the same for all, and what was told by each way."""

    def __init__(self, run):
        self.run, self.messages, self.news = run, [], asyncio.Condition()
        self.counts = {way: {"requests": 0, "empty": 0, "client": 0, "server": 0, "content": 0} for way in WAYS}
        self.over = False

    async def publish(self):
        for number, pause in enumerate(PAUSES):
            await asyncio.sleep(pause)
            async with self.news:
                self.messages.append(json.dumps({"number": number, "share": "LOUPE", "price": 100 + number * 7 % 13}))
                self.news.notify_all()
        await asyncio.sleep(0.5)
        async with self.news:
            self.over = True
            self.news.notify_all()

    async def wait_beyond(self, seen):
        async with self.news:
            await self.news.wait_for(lambda: len(self.messages) > seen or self.over)

    def told(self, way, content):
        self.counts[way]["server"] += 1
        self.counts[way]["content"] += len(content)

    async def asked(self, way, request):
        """Counts a request, and says how many messages the client has, or takes the message it sends."""
        self.counts[way]["requests"] += 1
        if request.method == "POST":
            body = await request.read()
            self.counts[way]["client"] += 1
            self.counts[way]["content"] += len(body)
            return None
        return int(request.query.get("seen", 0))

    def answer(self, way, seen):
        if seen >= len(self.messages):
            self.counts[way]["empty"] += 1
            return web.Response(status=204)
        self.told(way, self.messages[seen])
        return web.Response(text=self.messages[seen], content_type="application/json")

    async def polling(self, request):
        seen = await self.asked("polling", request)
        return web.Response(status=204) if seen is None else self.answer("polling", seen)

    async def long_polling(self, request):
        seen = await self.asked("long-polling", request)
        if seen is None:
            return web.Response(status=204)
        await self.wait_beyond(seen)
        return self.answer("long-polling", seen)

    async def stream(self, request, way, content_type, frame):
        if await self.asked(way, request) is None:
            return web.Response(status=204)
        response = web.StreamResponse(headers={"Content-Type": content_type, "Cache-Control": "no-store"})
        response.enable_chunked_encoding()
        await response.prepare(request)
        seen = 0
        while not self.over or seen < len(self.messages):
            await self.wait_beyond(seen)
            while seen < len(self.messages):
                framed = frame(self.messages[seen])
                self.told(way, framed)
                await response.write(framed.encode())
                seen += 1
        await response.write_eof()
        return response

    async def streaming(self, request):
        return await self.stream(request, "streaming", "application/x-ndjson", lambda message: message + "\n")

    async def events(self, request):
        return await self.stream(request, "server-sent-events", "text/event-stream", lambda message: f"data: {message}\n\n")

    async def websocket(self, request):
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        count = self.counts["websocket"]
        count["requests"] += 1
        number = self.run.log.open("server")

        async def listen():
            async for message in socket:
                if message.type == WSMsgType.TEXT:
                    count["client"] += 1
                    count["content"] += len(message.data)
                    self.run.log.add("server", number, "client", "text", message.data)

        listening = asyncio.ensure_future(listen())
        seen = 0
        while not self.over or seen < len(self.messages):
            await self.wait_beyond(seen)
            while seen < len(self.messages):
                self.told("websocket", self.messages[seen])
                self.run.log.add("server", number, "server", "text", self.messages[seen])
                await socket.send_str(self.messages[seen])
                seen += 1
        self.run.log.close("server", number, "server", 1000)
        self.run.log.close("server", number, "client", 1000)
        await socket.close(code=1000)
        await listening
        return socket


async def serve(run):
    board = Board(run)

    async def page(_):
        return web.FileResponse(lab.MAKE / "endpoints/ways.html")

    application = web.Application()
    for path, handler in {"polling": board.polling, "long-polling": board.long_polling, "streaming": board.streaming,
                          "events": board.events, "socket": board.websocket}.items():
        application.router.add_route("GET", f"/{path}", handler)
        if path != "socket":
            application.router.add_route("POST", f"/{path}", handler)
    application.router.add_get("/page", page)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", PORT).start()
    return board, runner


def write_down(run, board):
    path = run.folder / f"{run.name}.ways.json"
    path.write_text(json.dumps(board.counts, indent=1) + "\n")


@sample("http-ways.pcapng", programs=["aiohttp"], bpf=f"tcp port {PORT}",
        shows="the same messages by polling, long polling, streaming, server-sent events and a WebSocket (see `.ways.json`)")
async def ways(run):
    board, runner = await serve(run)
    base = f"http://127.0.0.1:{PORT}"

    async def say(session, path):
        for word in ("one", "two"):
            await asyncio.sleep(0.9)
            await session.post(f"{base}/{path}", data=json.dumps({"said": word, "by": path}))

    async def poll(session):
        seen = 0
        while not board.over:
            async with session.get(f"{base}/polling", params={"seen": seen}) as response:
                seen += response.status == 200
            await asyncio.sleep(INTERVAL)

    async def poll_long(session):
        seen = 0
        while not board.over:
            async with session.get(f"{base}/long-polling", params={"seen": seen}) as response:
                seen += response.status == 200

    async def read(session, path):
        async with session.get(f"{base}/{path}") as response:
            async for _ in response.content.iter_any():
                pass

    async def talk(session):
        async with session.ws_connect(f"{base}/socket") as socket:
            async def speak():
                for word in ("one", "two"):
                    await asyncio.sleep(0.9)
                    await socket.send_str(json.dumps({"said": word, "by": "socket"}))

            speaking = asyncio.ensure_future(speak())
            async for _ in socket:
                pass
            await speaking

    async def each(work, path):
        async with aiohttp.ClientSession() as session:
            await asyncio.gather(work(session), say(session, path)) if path else await work(session)

    await asyncio.gather(board.publish(), each(poll, "polling"), each(poll_long, "long-polling"), each(talk, None),
                         each(lambda s: read(s, "streaming"), "streaming"), each(lambda s: read(s, "events"), "events"))
    await asyncio.sleep(0.3)
    await runner.cleanup()
    write_down(run, board)


@sample("http-ways-chromium.pcapng", programs=["Chromium", "aiohttp"], bpf=f"tcp port {PORT}",
        shows="a page in Chromium gets the same messages by polling, long polling, streaming, EventSource and a WebSocket (see `.ways.json`)")
async def ways_chromium(run):
    board, runner = await serve(run)
    run.spawn("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
              "--disable-component-update", f"--user-data-dir={run.work}/profile", f"http://127.0.0.1:{PORT}/page")
    async with asyncio.timeout(25):
        while not all(count["requests"] for count in board.counts.values()):
            await asyncio.sleep(0.05)
    await board.publish()
    await asyncio.sleep(0.5)
    await runner.cleanup()
    write_down(run, board)


if __name__ == "__main__":
    lab.main("ways")
