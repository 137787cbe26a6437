"""WAMP 2 with autobahn and the router Crossbar.io: JSON, MessagePack and CBOR, plain and batched."""

import asyncio
import json

import stage

stage.enter()

import wamp_client  # First: it chooses asyncio for autobahn.

from autobahn.wamp.exception import ApplicationError
from autobahn.wamp.serializer import CBORSerializer, JsonSerializer, MsgPackSerializer
from autobahn.wamp.types import CallOptions, PublishOptions, RegisterOptions, SubscribeOptions

from stage import sample

PORT = 9013
PROGRAMS = ["crossbar=crossbar:", "autobahn"]


def router(run):
    allow = {"call": True, "register": True, "publish": True, "subscribe": True}
    permissions = [{"uri": "", "match": "prefix", "allow": allow, "disclose": {"caller": True, "publisher": True}, "cache": True},
                   {"uri": "lab.secret", "match": "prefix", "allow": dict.fromkeys(allow, False)}]
    web = {"type": "websocket", "endpoint": {"type": "tcp", "port": PORT, "interface": "127.0.0.1"}, "url": f"ws://127.0.0.1:{PORT}/ws",
           "auth": {"ticket": {"type": "static", "principals": {"ada": {"ticket": "sesame-4711", "role": "user"}}}}}
    configuration = {"version": 2, "workers": [{"type": "router", "realms": [{"name": "lab", "roles": [{"name": "user", "permissions": permissions}]}],
                                                "transports": [web]}]}
    home = run.work / "crossbar"
    home.mkdir()
    (home / "config.json").write_text(json.dumps(configuration))
    run.spawn(stage.HOME / "crossbar/bin/crossbar", "start", "--cbdir", str(home), "--logformat", "none", port=PORT,
              environment={"HOME": str(home), "PYTHONPATH": ""})


async def serve(session):
    async def slow(seconds):
        await asyncio.sleep(seconds)

    def add(a, b=0, **more):
        return a + b

    def fail(text):
        raise ApplicationError("lab.error.refused", text, code=7)

    def count(n, details=None):
        for step in range(n):
            if details.progress:
                details.progress(step)
        return n

    await session.register(add, "lab.add")
    await session.register(fail, "lab.fail")
    await session.register(slow, "lab.slow")
    await session.register(lambda data: data, "lab.echo")
    return await session.register(count, "lab.count", RegisterOptions(details_arg="details"))


async def conversation(run, serializer):
    callee = await wamp_client.session(run, PORT, serializer())
    caller = await wamp_client.session(run, PORT, serializer())
    last = await serve(callee)
    events = []
    exact = await callee.subscribe(lambda *words, **_: events.append(words), "lab.news")
    await callee.subscribe(lambda *words, **_: events.append(words), "lab..any", SubscribeOptions(match="wildcard"))
    await caller.call("lab.add", 2, b=40)
    await caller.call("lab.echo", {"text": "Grüße, 世界", "list": [1, None, True, -2.5, 2**40], "bytes": bytes([0, 1, 2, 254, 255])})
    for procedure, words in (("lab.fail", ["no such item"]), ("lab.nowhere", []), ("lab.secret.plan", [])):
        try:
            await caller.call(procedure, *words)
        except ApplicationError:
            pass
    await caller.call("lab.count", 3, options=CallOptions(on_progress=lambda _: None))
    cancelled = caller.call("lab.slow", 1)
    await asyncio.sleep(0.05)
    cancelled.cancel()
    await asyncio.sleep(0.05)
    await caller.publish("lab.news", "first", number=1, options=PublishOptions(acknowledge=True))
    caller.publish("lab.news", "without an answer")
    await caller.publish("lab.x.any", options=PublishOptions(acknowledge=True))
    try:
        await caller.publish("lab.secret.news", "x", options=PublishOptions(acknowledge=True))
    except ApplicationError:
        pass
    await asyncio.sleep(0.1)
    await exact.unsubscribe()
    await last.unregister()
    for session in (caller, callee):
        session.leave()
        await session.left


SHOWS = "ticket, calls with results, errors, progress and a cancel, registrations, events, acknowledged publications, a refusal, GOODBYE"
for name, serializer in (("json", JsonSerializer), ("msgpack", MsgPackSerializer), ("cbor", CBORSerializer)):
    @sample(f"wamp-{name}.pcapng", programs=PROGRAMS, bpf=f"tcp port {PORT}", shows=f"WAMP 2, wamp.2.{name}: {SHOWS}; a wrong ticket, an unknown realm")
    async def wamp(run, serializer=serializer):
        router(run)
        await conversation(run, serializer)
        for realm, ticket in (("lab", "wrong-0000"), ("nowhere", "sesame-4711")):
            await (await wamp_client.session(run, PORT, serializer(), realm, ticket)).left


@sample("wamp-batched.pcapng", programs=PROGRAMS, bpf=f"tcp port {PORT}", shows="WAMP 2 batched: wamp.2.json.batched, wamp.2.msgpack.batched, wamp.2.cbor.batched")
async def batched(run):
    router(run)
    for serializer in (JsonSerializer, MsgPackSerializer, CBORSerializer):
        session = await wamp_client.session(run, PORT, serializer(batched=True))
        await session.register(lambda data: data, "lab.echo")
        await session.call("lab.echo", "Grüße")
        session.leave()
        await session.left


if __name__ == "__main__":
    stage.main()
