#!/usr/bin/env python3
"""Cuts NAME.joined.pcapng from NAME.pcapng: the same conversation as a capture that began after the handshakes (editcap).

Of each TCP connection everything up to the 101 is left out. The log of the endpoints is copied, for it holds more than can be seen;
of the protocol NAME.protocol.ndjson is still true. Run after the capture scripts of this folder.
"""

import shutil
import subprocess
import sys

import stage
from stage import lab

NAMES = ["amqp10-rhea", "graphql-transport-ws", "jsonrpc-rpc-websockets", "mqtt311-mqttjs", "mqtt5-mqttjs", "ocpp16", "phoenix-v2", "rfb-novnc",
         "signalr-json", "signalr-messagepack", "socketio4-websocket", "sockjs-stomp", "stomp-rabbitmq", "wamp-json", "wamp-msgpack", "discord-gateway", "discord-zstd"]


def packets(capture, *options):
    """The number and the TCP stream of each packet."""
    command = ["tshark", "-r", str(capture), *options, "-T", "fields", "-e", "frame.number", "-e", "tcp.stream"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [tuple(map(int, line.split("\t"))) for line in listed.splitlines()]


def cut(name):
    folder = lab.SAMPLES / "payload"
    capture, joined = folder / f"{name}.pcapng", folder / f"{name}.joined.pcapng"
    rows = packets(capture)
    # Not by protocol: tshark has other ideas of some ports.
    last = {stream: number for number, stream in packets(capture, "-Y", 'tcp contains "HTTP/1.1 101 "')}
    drop = [str(number) for number, stream in rows if number <= last.get(stream, 0)]
    lab.LAB.joinpath("raw").mkdir(parents=True, exist_ok=True)
    raw = lab.LAB / "raw" / joined.name
    subprocess.run(["editcap", str(capture), str(raw), *drop], check=True, stderr=subprocess.DEVNULL)
    joined.write_bytes(lab.without_machine(raw.read_bytes()))
    shutil.copy(folder / f"{name}.endpoints.ndjson", folder / f"{name}.joined.endpoints.ndjson")
    sample = stage.Stage(None, joined.name, f"`{name}` joined in the middle: the handshakes are missing (removed with editcap)", ["editcap"],
                    partial="the capture begins after the handshakes", folder="payload")
    lab.write_expectation(folder / f"{name}.joined.expect.json", sample, None)
    lab.readme_row(joined.name, sample)
    print(f"{joined.name}: {len(drop)} of {len(rows)} packets left out")


if __name__ == "__main__":
    for each in NAMES:
        if not sys.argv[1:] or any(word in each for word in sys.argv[1:]):
            cut(each)
