"""A site with a WebSocket on port 80 and, over TLS, on port 443. usage: tree_site.py LOG; ends when its input ends."""

import asyncio
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import lab
from python_endpoints import echo, server
from secure import contexts


class Run:
    log = lab.Log()


async def main():
    tls, _ = contexts(Run, log_keys=False)
    async with server(Run, echo, host="10.80.2.10", port=80), server(Run, echo, host="10.80.2.10", port=443, ssl=tls):
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.read)
    Path(sys.argv[1]).write_text(json.dumps([[*key, entries] for key, entries in Run.log.entries.items()]))


asyncio.run(main())
