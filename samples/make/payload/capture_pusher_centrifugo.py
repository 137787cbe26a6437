"""Pusher Channels (npm pusher-js) and Centrifugo's client protocol in JSON and protobuf (npm centrifuge), with small servers of their own."""

import asyncio

import stage

stage.enter()

import centrifugo_server
from python_endpoints import server
from stage import sample


@sample("pusher.pcapng", programs=["pusher-js", "ws"], bpf="tcp port 9021",
        shows="Pusher: public, private, presence and cache channels, client events, pings of both sides, errors, closes 4200 and 4001; the server is a small one")
def pusher(run):
    run.node("pusher_talk.cjs", 9021)


for name, codec in (("json", centrifugo_server.Json), ("protobuf", centrifugo_server.Protobuf)):
    @sample(f"centrifugo-{name}.pcapng", programs=["centrifuge", "centrifuge-python", "websockets"], bpf="tcp port 9022",
            shows=f"Centrifugo's client protocol, {name}: connect with a token, subscriptions, one refused, publications, presence, history, RPC, "
                  "pings, pushes, several units in a message, disconnect (3003, 3500); the server is a small one")
    async def centrifugo(run, name=name, codec=codec):
        tokens = ["centrifuge-protobuf"] if name == "protobuf" else None
        async with server(run, lambda connection: centrifugo_server.serve(connection, codec()), port=9022, subprotocols=tokens):
            await asyncio.to_thread(run.node, "centrifugo_talk.cjs", 9022, name)


if __name__ == "__main__":
    stage.main()
