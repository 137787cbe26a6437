"""Connections that end inside a frame header, a payload or a message, or after a length that nobody can mean."""

import asyncio
import contextlib
import socket
import subprocess
import time

import lab

lab.enter()

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

import echoes
import raw
from lab import sample

PORT = 9060
URI = f"ws://127.0.0.1:{PORT}/chat"
FIN, RST = "closed-without-close-frame", "connection-reset"


def fin(sock):
    sock.shutdown(socket.SHUT_WR)
    raw.drain(sock, 0.5)
    sock.close()


def cut(what, part, end, verdict):
    return (what, part, {"fin": fin, "rst": lab.reset}[end], verdict)


# What arrives of the last frame, how TCP ends then.
HEADERS = [
    cut("the client's FIN comes after one byte of a frame header", raw.frame(raw.TEXT, b"hello")[:1], "fin", FIN),
    cut("the client's RST comes after one byte of a frame header", raw.frame(raw.TEXT, b"hello")[:1], "rst", RST),
    cut("the client's FIN comes between the length 126 and its two bytes", raw.frame(raw.TEXT, b"h" * 300)[:2], "fin", FIN),
    cut("the client's FIN comes inside the eight bytes of a length", raw.frame(raw.BINARY, b"h" * 70000)[:6], "fin", FIN),
    cut("the client's RST comes inside the masking key", raw.frame(raw.TEXT, b"hello")[:4], "rst", RST),
    cut("the client's FIN comes after a whole header, before its payload", raw.frame(raw.TEXT, b"hello")[:6], "fin", FIN),
    cut("the client's FIN comes inside a payload: 3 of 5 bytes", raw.frame(raw.TEXT, b"hello")[:9], "fin", FIN),
    cut("the client's RST comes inside a payload: 100 of 300 bytes", raw.frame(raw.TEXT, b"h" * 300)[:108], "rst", RST),
    cut("the client's FIN comes inside a close frame", raw.frame(raw.CLOSE, raw.close_body(1000, b"bye"))[:8], "fin", FIN),
]


def headers_at(library):
    rows = [(number, what, verdict, "close") for number, (what, _, _, verdict) in enumerate(HEADERS, 1)]

    @sample(f"cut-frames-{library}.pcapng", programs=[echoes.program(library), "Python"], log=False, expect=rows, findings=["frame-cut-off"],
            shows=f"a raw client ends TCP inside a frame header, a masking key or a payload, with FIN and RST, at {echoes.program(library)}")
    def made(run):
        process = echoes.start(run, library, PORT)
        for _, part, end, _ in HEADERS:
            raw.converse(PORT, raw.frame(raw.TEXT, b"before"), part, end=end, pause=0.1)
            time.sleep(0.1)
        for line in echoes.words(process):
            run.says(f"server ({library})", line)


headers_at("websockets")
headers_at("gorilla")


async def watched(run, name, uri=URI, **options):
    """A slow websockets client that reports how the connection ended."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.connect(("127.0.0.1", PORT))
    async with connect(uri, sock=sock, compression=None, max_queue=1, **options) as connection:
        try:
            print("  got", await connection.recv())
            await asyncio.sleep(1)
            await connection.recv()
        except ConnectionClosed as error:
            run.says(f"client ({name})", f"{connection.close_code} {error}")


@sample("cut-payload-killed-server.pcapng", programs=["websockets", "Python"], log=False, mtu=1500, findings=["frame-cut-off"], also=[RST],
        expect=[(1, "the server process is killed (SIGKILL) in the middle of a message of 200000 bytes", FIN, "close")],
        shows="a server that is killed while it sends a message of 200000 bytes: FIN or RST inside the payload")
def killed_server(run):
    process = run.spawn(lab.PYTHON, lab.MAKE / "endpoints/cut_off.py", "server", PORT, "payload", port=PORT)
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.connect(("127.0.0.1", PORT))
        sock.sendall(raw.request(PORT))
        process.wait(10)
        got, how = raw.drain(sock, 2)
        run.says("client (raw)", f"got {len(got)} bytes, then {how}")


@sample("cut-payload-killed-client.pcapng", programs=["websockets", "Python"], log=False, mtu=1500, findings=["frame-cut-off"], also=[FIN],
        expect=[(1, "the client process is killed (SIGKILL) in the middle of a message of 200000 bytes", RST, "close")],
        shows="a client that is killed while it sends a message of 200000 bytes to a server that reads slowly")
def killed_client(run):
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", PORT))
        listener.listen()
        client = subprocess.Popen([str(lab.PYTHON), str(lab.MAKE / "endpoints/cut_off.py"), "client", URI, "payload"])
        sock, _ = listener.accept()
        sock.sendall(raw.response(raw.read_head(sock)))
        sock.recv(16)
        client.wait(10)
        time.sleep(0.3)
        got, how = raw.drain(sock)
        run.says("server (raw)", f"got {len(got)} bytes, then {how}")
        sock.close()


@sample("cut-message-exit.pcapng", programs=["websockets"], log=False, findings=["message-cut-off"],
        expect=[(1, "the server process ends between two fragments of a message", FIN, "close")],
        shows="a Python server that exits between the fragments of a message: FIN")
async def exit_between(run):
    run.spawn(lab.PYTHON, lab.MAKE / "endpoints/cut_off.py", "server", PORT, "fragments", port=PORT)
    await watched(run, "websockets")


@sample("cut-message-ws.pcapng", programs=["ws", "tornado"], log=False, findings=["message-cut-off"],
        expect=[(1, "the client calls terminate() between two fragments of a message", FIN, "close"),
                (2, "the client resets TCP between two fragments of a message", RST, "close")],
        shows="npm ws clients that end between the fragments of a message, with terminate() and with a RST, at Tornado")
def ws_between(run):
    process = echoes.start(run, "tornado", PORT)
    for how in ("terminate", "reset"):
        done = subprocess.run(["node", str(lab.MAKE / "endpoints/cut_off.cjs"), URI, how], capture_output=True, text=True, timeout=20)
        run.says("client (ws)", done.stdout.strip())
        time.sleep(0.3)
    for line in echoes.words(process):
        run.says("server (tornado)", line)


def absurd(library):
    """Lengths that no peer means: what the server does of itself, and after the client has gone."""
    name = f"absurd-length-{library}"

    @sample(f"{name}.pcapng", programs=[echoes.program(library), "Python"], log=False, also=["frame-invalid"],
            shows=f"a raw client declares payloads of 2^62 bytes, of 2^63 bytes (the top bit set), and of 5 bytes in eight bytes, at {echoes.program(library)}, then FIN")
    def made(run):
        process = echoes.start(run, library, PORT)
        run.expect = []
        for number, (declared, what) in enumerate([(1 << 62, "2^62 bytes"), (1 << 63, "2^63 bytes (the top bit is set)"), (5, "5 bytes in a length of eight")], 1):
            sock = socket.create_connection(("127.0.0.1", PORT))
            sock.sendall(raw.request(PORT))
            raw.read_head(sock)
            sock.sendall(raw.frame(raw.TEXT, b"hello", declared=declared))
            got, how = raw.drain(sock, 0.5)
            answer = raw.close_of(got)
            if how == "silence":
                with contextlib.suppress(OSError):
                    fin(sock)
            sock.close()
            time.sleep(0.1)
            run.expect.append((number, *judged(what, declared, answer, how, got)))
            if "waits" in run.expect[-1][1]:
                run.findings = ["frame-cut-off"]
        for line in echoes.words(process):
            run.says(f"server ({library})", line)


def judged(what, declared, answer, how, got):
    cause = f"the client declares a payload of {what}"
    if answer and answer[0] == 1009:
        return f"{cause}; the server closes with 1009 {answer[1]}".strip(), "message-too-big", "close"
    if answer:
        return f"{cause}; the server closes with {answer[0]} {answer[1]}".strip(), "frame-invalid", "first-frames"
    if declared == 5:
        return (f"{cause}, which the server tolerates; then the client ends TCP without a close frame", FIN, "close") if got else (
            f"{cause}; the server ends TCP ({how})", "frame-invalid", "first-frames")
    if how != "silence":
        return f"{cause}; the server ends TCP ({how})", "frame-invalid", "first-frames"
    return f"{cause} and sends 5 bytes; the server waits for the rest, the client ends TCP", FIN, "close"


for each in ("websockets", "gorilla", "tornado", "em"):
    absurd(each)


if __name__ == "__main__":
    lab.main("violations")
