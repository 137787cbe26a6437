"""Ways to deliver that differ in shape and not in pace: answers after 30 ms, parts 30 ms apart, several messages in one answer, everything over HTTP/2.

The application counts what it was asked and what it told: `<sample>.ways.json`. A message is an item where the answer is a JSON array.
"""

import asyncio
import json

import lab

lab.enter()

import httpx

from http2_endpoints import hypercorn_server
from lab import sample
from python_endpoints import settle

PORT = 9120
WAYS = ["polling", "long-polling", "streaming", "server-sent-events"]
SLOW = [0.35, 0.6, 0.25, 0.03, 0.7, 0.4, 0.55, 0.02, 0.45, 0.5]
FAST = [0.03] * 24


class Board:
    """An ASGI application with the same messages for every way; `batched` answers are JSON arrays of all that is new."""

    def __init__(self, pauses, batched=False):
        self.pauses, self.batched, self.messages, self.news, self.over = pauses, batched, [], asyncio.Condition(), False
        self.counts = {way: {"requests": 0, "empty": 0, "client": 0, "server": 0} for way in WAYS}

    async def publish(self):
        for number, pause in enumerate(self.pauses):
            await asyncio.sleep(pause)
            async with self.news:
                self.messages.append({"number": number, "share": "LOUPE", "price": 100 + number * 7 % 13})
                self.news.notify_all()
        await asyncio.sleep(0.4)
        async with self.news:
            self.over = True
            self.news.notify_all()

    async def beyond(self, seen):
        async with self.news:
            await self.news.wait_for(lambda: len(self.messages) > seen or self.over)

    async def __call__(self, scope, receive, send):
        if scope["type"] == "lifespan":
            return
        way, path = scope["path"][1:], scope["path"]
        if path == "/download":
            return await self.download(send)
        count = self.counts[way]
        count["requests"] += 1
        if scope["method"] == "POST":
            while (await receive()).get("more_body"):
                pass
            count["client"] += 1
            return await self.answer(send, 204)
        seen = int(dict(p.split("=") for p in scope["query_string"].decode().split("&") if p).get("seen", 0))
        if way in ("polling", "long-polling"):
            if way == "long-polling":
                await self.beyond(seen)
            return await self.take(send, count, self.messages[seen:])
        await self.stream(send, count, way)

    async def answer(self, send, status, body=b"", kind=b"application/json"):
        await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", kind), (b"content-length", b"%d" % len(body))] if body else []})
        await send({"type": "http.response.body", "body": body})

    async def take(self, send, count, new):
        new = new if self.batched else new[:1]
        count["server"] += len(new)
        count["empty"] += not new
        if self.batched:
            return await self.answer(send, 200, json.dumps(new).encode())
        return await self.answer(send, 200, json.dumps(new[0]).encode()) if new else await self.answer(send, 204)

    async def stream(self, send, count, way):
        kind = b"text/event-stream" if way == "server-sent-events" else b"application/x-ndjson"
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", kind), (b"cache-control", b"no-store")]})
        seen = 0
        while not self.over or seen < len(self.messages):
            await self.beyond(seen)
            while seen < len(self.messages):
                line = json.dumps(self.messages[seen])
                framed = f"data: {line}\n\n" if way == "server-sent-events" else line + "\n"
                await send({"type": "http.response.body", "body": framed.encode(), "more_body": True})
                count["server"] += 1
                seen += 1
        await send({"type": "http.response.body", "body": b""})

    async def download(self, send):
        """A file in chunks, as fast as it is read: none of the ways."""
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/octet-stream")]})
        for n in range(12):
            await send({"type": "http.response.body", "body": bytes([n]) * 700, "more_body": True})
            await asyncio.sleep(0.004)
        await send({"type": "http.response.body", "body": b""})


def http(two, **options):
    return httpx.AsyncClient(http1=not two, http2=two, timeout=20, base_url=options.pop("base_url", f"http://127.0.0.1:{PORT}"), **options)


async def ask(board, way, interval, two, **options):
    """A client of one way: it asks again and again, or reads a stream, and says two things of its own."""

    async def say(client):
        for word in ("one", "two"):
            await asyncio.sleep(0.25)
            await client.post(f"/{way}", json={"said": word})

    async def listen(client):
        if way in ("streaming", "server-sent-events"):
            async with client.stream("GET", f"/{way}") as response:
                async for _ in response.aiter_raw():
                    pass
            return
        seen = 0
        while not board.over:
            response = await client.get(f"/{way}", params={"seen": seen})
            seen += len(response.json()) if board.batched else response.status_code == 200
            await asyncio.sleep(interval if way == "polling" else 0)

    async with http(two, **options) as client:
        await asyncio.gather(listen(client), say(client))


async def deliver(run, pauses, ways=WAYS, interval=0.2, two=False, batched=False, tls=None, download=True, **options):
    board = Board(pauses, batched)
    async with hypercorn_server(PORT, board, tls=tls):
        work = [ask(board, way, interval, two, **options) for way in ways]
        await asyncio.gather(board.publish(), *work)
        if download:
            async with http(two, **options) as client:
                await client.get("/download")
        await settle(0.3)
    counts = {way: board.counts[way] for way in ways}
    (run.folder / f"{run.name}.ways.json").write_text(json.dumps(counts, indent=1) + "\n")
    print(f"  {counts}")


def ways(name, shows, *arguments, **named):
    options = {key: named.pop(key) for key in ("programs", "bpf") if key in named}
    mode = named.pop("mode", lambda run: {})

    @sample(f"ways-{name}.pcapng{'.gz' if len(arguments[0]) > 10 or named.get('two') else ''}", **{"programs": ["Hypercorn", "httpx"], "bpf": f"tcp port {PORT}", **options}, log=False, shows=shows)
    async def made(run):
        await deliver(run, *arguments, **named, **mode(run))


ways("fast", "twenty-four messages 30 ms apart: a long poll is held for 30 ms, a stream's parts are 30 ms apart; polling each 40 ms beside them, and a download", FAST, interval=0.04)
ways("batched", "answers that are JSON arrays of all that is new, by polling each 0.8 s and by long polling; empty arrays when there is nothing", SLOW, ways=["polling", "long-polling"],
     interval=0.8, batched=True, download=False)
ways("http2", "the four ways and a download over clear HTTP/2 with prior knowledge, each on a connection of its own", SLOW, two=True, programs=["Hypercorn", "httpx", "h2"])
ways("http2-fast", "the four ways over clear HTTP/2, messages 30 ms apart", FAST, interval=0.04, two=True, download=False, programs=["Hypercorn", "httpx", "h2"])


def tls_mode(run):
    import secure

    where = lab.certificates()
    _, context = secure.contexts(run)
    return {"tls": (where / "localhost.pem", where / "localhost.key"), "base_url": f"https://localhost:{PORT}", "verify": context}


ways("http2-tls", "long polling and server-sent events over HTTP/2 in TLS 1.3, with a key log", SLOW, ways=["long-polling", "server-sent-events"], two=True, download=False, mode=tls_mode,
     programs=["Hypercorn", "httpx", "h2", "OpenSSL"])


if __name__ == "__main__":
    lab.main("ways")
