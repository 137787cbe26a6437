"""Clients of many libraries that connect N times and print how each connection ended; each runs by its name."""

import subprocess

import lab

ENDPOINTS = lab.MAKE / "endpoints"
PYTHON = ("websockets", "aiohttp", "tornado", "websocket-client")


def command(library):
    if library in PYTHON:
        return [lab.PYTHON, ENDPOINTS / "watch_client.py", library]
    return ["node", ENDPOINTS / "watch_client.cjs"] if library == "ws" else ["java", ENDPOINTS / "WatchClient.java"]


def watch(library, uri, times, *arguments, seconds=60, **options):
    """Run the client to its end; the lines it printed, one or more for each connection."""
    done = subprocess.run([str(c) for c in (*command(library), uri, times, *arguments)], text=True, timeout=seconds,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)
    return [line for line in done.stdout.splitlines() if line.strip()]
