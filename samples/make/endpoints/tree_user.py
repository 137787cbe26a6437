"""A client for `tree_site.py`: prints `open` or what the library said. usage: tree_user.py LOG KEYS URI [PROXY]"""

import asyncio
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import lab
from python_endpoints import client
from secure import contexts


class Run:
    log = lab.Log()
    keys = sys.argv[2]


async def main():
    uri, proxy = sys.argv[3], (sys.argv[4:] or [None])[0]
    options = {}
    if uri.startswith("wss"):
        _, options["ssl"] = contexts(Run)
        options["server_hostname"] = "localhost"
    try:
        async with client(Run, uri, proxy=proxy, **options) as c:
            for n in range(3):
                await c.send(f"from the user, message {n}")
                await c.recv()
            await (await c.ping(b"far away"))
        print("open")
    except Exception as error:
        print(f"{type(error).__name__}: {error}")
    Path(sys.argv[1]).write_text(json.dumps([[*key, entries] for key, entries in Run.log.entries.items()]))


asyncio.run(main())
