"""Headless Chromium with a page that talks to a WebSocket; the page reports what it sent and received."""

import asyncio
import base64
import json
from collections import Counter

from aiohttp import web

import lab


async def browse(run, uri, ways, flags=(), environment=None, host="127.0.0.1", page=None, file="page.html"):
    """Open `endpoints/page.html` (or another file), served on port 8000, in Chromium with `?ws=uri&ways=...`; returns the page's outcomes and
    holds its report against what the server logged."""
    done = asyncio.get_running_loop().create_future()

    async def serve_page(_):
        return web.FileResponse(lab.MAKE / "endpoints" / file)

    async def report(request):
        done.set_result(await request.json())
        return web.Response()

    application = web.Application()
    application.add_routes([web.get("/page", serve_page), web.post("/report", report)])
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, host, 8000).start()
    run.spawn("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
              "--disable-component-update", f"--user-data-dir={run.work}/profile", *flags,
              f"{page or 'http://127.0.0.1:8000/page'}?ways={','.join(ways)}&ws={uri}", environment=environment)
    answer = await asyncio.wait_for(done, 25)
    await runner.cleanup()
    agree(run, answer["report"])
    return answer["outcomes"]


def agree(run, report):
    """The page saw the same data messages as the server that logged them."""
    said = Counter((e["connection"], e["side"], e["kind"], base64.b64decode(e["base64"])) for e in report)
    page = Counter()
    for (connection, side, kind, payload), count in said.items():
        page[(connection, side, kind, lab.hashlib.sha256(payload).hexdigest())] += count
    server = Counter((c, side, e["kind"], e["sha256"]) for (observer, c, side), entries in run.log.entries.items()
                     if observer == "server" for e in entries if e["kind"] in ("text", "binary"))
    if page != server:
        raise SystemExit(f"{run.name}: the page and the server disagree: {page - server} {server - page}")
