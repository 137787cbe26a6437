"""SignalR (ASP.NET Core): Microsoft's JavaScript client with the hub server of PyPI aiosignalr, JSON and MessagePack."""

import stage

stage.enter()

import lab
from stage import sample

for name in ("json", "messagepack"):
    @sample(f"signalr-{name}.pcapng", bpf="tcp port 9012",
            programs=["@microsoft/signalr", *(["@microsoft/signalr-protocol-msgpack"] if name == "messagepack" else []), "aiosignalr", "aiohttp"],
            shows=f"SignalR, {name}: negotiate, handshake, invocations, errors, streams both ways, a cancelled one, a result asked of the client, "
                  "pings of both sides, Close; stateful reconnect's Ack and Sequence; a handshake refused; a token in Authorization")
    def signalr(run, name=name):
        run.spawn(lab.PYTHON, stage.HERE / "signalr_server.py", 9012, port=9012)
        run.node("signalr_talk.cjs", 9012, name)


if __name__ == "__main__":
    stage.main()
