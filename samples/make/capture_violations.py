"""Peers that break a rule of RFC 6455 in a frame, at real libraries of both sides: what each makes of it.

A raw socket breaks the rule, since no library does; the other side is always a real program, and its answer is the true outcome.
"""

import asyncio
import time

import lab

lab.enter()

import echoes
import raw
import watchers
from browser import browse
from lab import sample
from raw import CLOSE, PING, TEXT, close_body, frame

PORT = 9050
CODES = (0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535)
# name: frames that break a rule of control frames
VIOLATIONS = {
    **{f"close code {code}": [(CLOSE, close_body(code), {})] for code in CODES},
    "a close body of one byte": [(CLOSE, b"\x03", {})],
    "a close body of 130 bytes": [(CLOSE, close_body(1000, b"r" * 128), {})],
    "a close reason that is not UTF-8": [(CLOSE, close_body(1000, b"caf\xe9"), {})],
    "a ping of 126 bytes": [(PING, b"p" * 126, {})],
    "a fragmented ping": [(PING, b"half", {"fin": False}), (0x0, b"other half", {})],
}
ERRORS = (1002, 1003, 1007, 1008, 1009, 1011)


def outcome(name, side, got, how):
    """(cause, verdict, stage) by what the other side, a real program, answered."""
    answer = raw.close_of(got)
    other = "server" if side == "client" else "client"
    if answer and answer[0] not in ERRORS:
        return f"the {side} sends {name}, which the {other} tolerates: it answers with {answer[0]}", "healthy", None
    if how == "silence" and not answer:
        return f"the {side} sends {name}, which the {other} tolerates: it goes on", "healthy", None, ["closed-without-close-frame"]
    does = f"answers with {answer[0]}{answer[1] and f', {answer[1]}'}" if answer else f"ends TCP ({how}) without a close frame"
    verdict = ("invalid-utf8", "close") if "UTF-8" in name else ("frame-invalid", "first-frames")
    return f"the {side} sends {name}; the {other} {does}", *verdict


def parts(broken, mask):
    return [frame(TEXT, b"hello", mask=mask), *(frame(opcode, body, mask=mask, **options) for opcode, body, options in broken)]


def at_server(library):
    @sample(f"violations-{library}.pcapng.gz", programs=[echoes.program(library), "Python"], log=False, unsaid=["the server closed because a text message"],
            shows=f"a raw client sends invalid close codes, close bodies and control frames to {echoes.program(library)}, one connection each")
    def violations(run):
        process = echoes.start(run, library, PORT)
        run.expect = []
        for number, (name, broken) in enumerate(VIOLATIONS.items(), 1):
            head, got, how = raw.converse(PORT, *parts(broken, mask=True))
            assert b"101" in head[:20], head
            cause, verdict, stage = outcome(name, "client", got, how)
            print(f"  {cause}")
            run.expect.append((number, cause, verdict, stage))
        for line in echoes.words(process):
            run.says(f"server ({library})", line)


for each in ("websockets", "ws", "tornado", "aiohttp", "gorilla", "em"):
    at_server(each)


def scripted(broken, got):
    """What the server does on one connection: after the client's first message it breaks the rule, and keeps the answer in `got`."""

    def conversation(sock, head):
        sock.sendall(raw.response(head))
        sock.recv(4096)
        for part in parts(broken, mask=False):
            sock.sendall(part)
            time.sleep(0.05)
        got.append(raw.drain(sock))

    return conversation


def at_client(library, watch):
    @sample(f"violations-at-{library.lower()}.pcapng.gz", programs=[library, "Python"], log=False, bpf=f"tcp port {PORT}", unsaid=["a text message of the client"],
            shows=f"a raw server sends invalid close codes, close bodies and control frames to {library}, one connection each")
    async def violations(run):
        got = []
        with raw.server([scripted(broken, got) for broken in VIOLATIONS.values()], PORT):
            words = await watch(run)
        rows = (outcome(name, "server", *answer) for name, answer in zip(VIOLATIONS, got))
        run.expect = [(number, *row) for number, row in enumerate(rows, 1)]
        for line in words:
            run.says(f"client ({library})", line)
        assert len(run.expect) == len(VIOLATIONS), run.expect


def program(library):
    async def watch(run):
        return await asyncio.to_thread(watchers.watch, library, f"ws://127.0.0.1:{PORT}/chat", len(VIOLATIONS))

    at_client(library, watch)


async def chromium(run):
    said = await browse(run, f"ws://127.0.0.1:{PORT}/chat", [str(n) for n in range(len(VIOLATIONS))], file="watch.html")
    return [f"{line['code']} {line['reason']}" for line in said]


for each in ("websockets", "Java"):
    program(each)
at_client("Chromium", chromium)


if __name__ == "__main__":
    lab.main("violations")
