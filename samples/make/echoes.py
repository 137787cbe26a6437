"""Echo servers of many libraries, each started by its name; what they print of an ending is what the endpoint says of it."""

import os
import subprocess

import lab

ENDPOINTS = lab.MAKE / "endpoints"
PYTHON = ("websockets", "tornado", "aiohttp", "autobahn")
GO = ("gorilla", "nhooyr", "xnet")
# A library's name in the table of samples.
PROGRAM = {"xnet": "golang.org/x/net/websocket", "em": "em-websocket"}
ALL = (*PYTHON, "ws", *GO, "em")


def program(library):
    return PROGRAM.get(library, library)


def start(run, library, port, address="127.0.0.1", **options):
    """The library's echo server; its process, whose output `words` reads."""
    return run.spawn(*command(library), port, address, port=port, environment={"PYTHONUNBUFFERED": "1"}, **options)


def command(library):
    if library in PYTHON:
        return [lab.PYTHON, ENDPOINTS / "echo_server.py", library]
    if library in GO:
        return [built("echo.go"), library]
    return ["node", ENDPOINTS / "echo_ws.cjs"] if library == "ws" else ["ruby", ENDPOINTS / "echo_em.rb"]


def built(source):
    """A Go program of `endpoints/`, made with the libraries that Debian has."""
    path, source = lab.LAB / source.removesuffix(".go"), ENDPOINTS / source
    if not path.exists() or path.stat().st_mtime < source.stat().st_mtime:
        environment = dict(os.environ, GO111MODULE="off", GOPATH="/usr/share/gocode", GOCACHE=str(lab.LAB / "go"))
        subprocess.run(["go", "build", "-o", str(path), str(source)], env=environment, check=True)
    return path


def words(process):
    """The lines that a server printed, without the places in a traceback."""
    lines = process.output.read_text(errors="replace").splitlines()
    return [line for line in lines if line.strip() and not line.startswith((" ", "Traceback", "The above", "(node:", "(Use `node"))]
