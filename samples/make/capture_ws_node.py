"""npm `ws` on both ends: permessage-deflate in every negotiated shape, thresholds, fragments, empty messages."""

import base64
import json

import lab

lab.enter()

from lab import sample

PROGRAMS = ["ws", "Node.js"]
WORDS = "the quick brown fox jumps over the lazy dog while the quick brown dog sleeps "


def text(by, value, **more):
    return {"by": by, "kind": "text", "text": value, **more}


def conversation():
    """The same words many times, so that context takeover shows in the sizes."""
    steps = []
    for n in range(5):
        steps += [text("client", f"{n}: {WORDS}{WORDS}"), text("server", f"reply {n}: {WORDS}")]
    steps.append({"by": "server", "kind": "binary", "bytes": base64.b64encode(bytes(range(256)) * 4).decode()})
    return steps + [{"by": "client", "kind": "close", "code": 1000, "reason": "done"}]


def pair(run, server, connections, port=9002, **more):
    run.node("ws_pair.mjs", json.dumps({"port": port, "server": server, "connections": connections, **more}))


def deflate(**options):
    return {"perMessageDeflate": {"threshold": 0, **options}}


SHAPES = {
    "both-takeover": ({}, "context takeover on both sides"),
    "server-no-takeover": ({"serverNoContextTakeover": True}, "server_no_context_takeover"),
    "client-no-takeover": ({"clientNoContextTakeover": True}, "client_no_context_takeover"),
    "no-takeover": ({"serverNoContextTakeover": True, "clientNoContextTakeover": True}, "no context takeover on either side"),
}

for shape, (options, says) in SHAPES.items():
    @sample(f"ws-deflate-{shape}.pcapng", programs=PROGRAMS, shows=f"permessage-deflate: {says}")
    def shaped(run, options=options):
        pair(run, deflate(**options), [{"client": deflate(**options), "steps": conversation()}])


@sample("ws-deflate-window-bits.pcap.lz4", programs=PROGRAMS,
        shows="permessage-deflate with window bits 8 to 15 asked for on either side; lz4 file")
def window_bits(run):
    long = " ".join(f"{n:x}{n * 7919 % 9973}" for n in range(150))
    for bits in range(8, 16):
        other = max(9, 23 - bits)
        both = deflate(serverMaxWindowBits=bits, clientMaxWindowBits=other)
        steps = [text("client", long), text("server", long), text("client", long[:200]), text("server", long)]
        pair(run, both, [{"client": both, "steps": steps}], after=bits - 8)


@sample("ws-deflate-threshold.pcapng", programs=PROGRAMS,
        shows="a threshold of 100 bytes: compressed and uncompressed messages mixed on one connection")
def threshold(run):
    both = {"perMessageDeflate": {"threshold": 100}}
    steps = []
    for n in (5, 300, 99, 100, 10, 2000):
        steps += [text("client", (WORDS * 30)[:n]), text("server", (WORDS * 30)[:n])]
    pair(run, both, [{"client": both, "steps": steps}])


@sample("ws-deflate-fragments.pcapng", programs=PROGRAMS,
        shows="fragmented and compressed messages with pings between the fragments, and empty compressed messages")
def fragments(run):
    both = deflate()
    steps = []
    for by in ("client", "server"):
        steps += [
            text(by, WORDS, fin=False), {"by": by, "kind": "ping", "text": "between"}, text(by, WORDS, fin=False),
            text(by, "", fin=False), text(by, "the end"),
            text(by, ""), text(by, "", fin=False), text(by, ""), text(by, WORDS),
            text(by, "first uncompressed", compress=False), text(by, WORDS),
        ]
    pair(run, both, [{"client": both, "steps": steps}])


@sample("ws-plain.pcap", programs=PROGRAMS, shows="no extension; pings with and without a body; close without a code; subprotocol")
def plain(run):
    off = {"perMessageDeflate": False}
    steps = [text("client", "Hello"), text("server", "Hello"), {"by": "client", "kind": "ping", "text": ""},
             {"by": "server", "kind": "ping", "text": "are you there?"}, {"by": "server", "kind": "pong", "text": "one way"},
             {"by": "server", "kind": "close"}]
    pair(run, off, [{"client": off, "steps": steps, "path": "/chat", "protocols": ["chat", "superchat"]}])


@sample("ws-extension-declined.pcapng", programs=PROGRAMS, shows="the client offers permessage-deflate, the server does not take it")
def declined(run):
    pair(run, {"perMessageDeflate": False}, [{"client": deflate(), "steps": conversation()[:4]}])


if __name__ == "__main__":
    lab.main("deflate")
