"""The same conversations seen from other places: link types, tunnels, cut and partial captures, a lossy network."""

import asyncio
import fcntl
import os
import select
import struct
import subprocess
import sys
import threading
import time

import lab

lab.enter()

from lab import Capture, sample
from python_endpoints import PLAIN, client, echo, server, settle

PROGRAMS = ["websockets"]


async def chat(run, port=9010, messages=6, **options):
    async with server(run, echo, port=port, **options):
        async with client(run, f"ws://127.0.0.1:{port}/chat", **options) as c:
            for n in range(messages):
                await c.send(f"message {n}: " + "so many words, " * 8)
                await c.recv()
                await settle(0.01)
            await c.ping(b"ping")
            await settle()


@sample("any-device-sll2.pcap", programs=[*PROGRAMS, "tcpdump"], bpf={"bpf": "tcp port 9010", "interface": "any"},
        shows="captured on `any`: Linux cooked v2")
async def sll2(run):
    await chat(run)


@sample("any-device-sll.pcapng", programs=PROGRAMS, bpf={"bpf": "tcp port 9010", "interface": "any", "options": ("-y", "LINUX_SLL")},
        shows="captured on `any`: Linux cooked v1, permessage-deflate")
async def sll(run):
    await chat(run, compression="deflate")


@sample("snaplen-96.pcap", programs=[*PROGRAMS, "tcpdump"], snaplen=96,
        partial="packets were cut to 96 bytes when captured (-s 96)",
        shows="every packet cut to 96 bytes: headers of frames are there, most of the payload is not")
async def snaplen(run):
    await chat(run, messages=10, **PLAIN)


@sample("mid-connection.pcapng", programs=PROGRAMS, late=True,
        partial="the capture was started when the connection was open and three messages had passed each way",
        shows="the capture starts in the middle of a connection: no handshake, then text, binary, ping, close")
async def mid_connection(run):
    async with server(run, echo, port=9010, **PLAIN):
        async with client(run, "ws://127.0.0.1:9010/long-lived", **PLAIN) as c:
            for n in range(3):
                await c.send(f"before the capture {n}")
                await c.recv()
            run.start_captures()
            for n in range(5):
                await c.send(f"after the capture began {n}")
                await c.recv()
            await c.send(bytes(range(200)))
            await c.recv()
            await (await c.ping(b"seen"))
            await settle()


@sample("mid-connection-deflate.pcapng", programs=PROGRAMS, late=True,
        partial="the capture was started in mid-connection: without the earlier messages the compression context is lost",
        shows="the capture starts in the middle of a connection with permessage-deflate and context takeover")
async def mid_deflate(run):
    async with server(run, echo, port=9010):
        async with client(run, "ws://127.0.0.1:9010/long-lived") as c:
            for n in range(6):
                if n == 3:
                    run.start_captures()
                await c.send(f"the same words again, number {n}")
                await c.recv()
            await settle()


@sample("one-direction.pcap", programs=PROGRAMS, bpf="tcp dst port 9010",
        partial="the filter kept only what the client sent",
        shows="one direction only: what the client sent (asymmetric routing)")
async def one_direction(run):
    await chat(run, **PLAIN)


def edited(run, drop, name):
    """Drop packets from the finished capture with editcap, as a capture that could not keep up would have."""
    path = run.path(None)
    whole = path.with_suffix(".whole")
    path.rename(whole)
    kind = "pcapng" if path.suffix == ".pcapng" else "pcap"
    subprocess.run(["editcap", "-F", kind, str(whole), str(path), *map(str, drop)], check=True)
    whole.unlink()


def dropping(*packets):
    def after(run):
        edited(run, packets, run.name)

    return after


@sample("dropped-packets.pcap", programs=[*PROGRAMS, "editcap"], mtu=1500, after=dropping("14-15", 23, 30),
        partial="packets 14-15, 23 and 30 were taken out of the capture with editcap; the endpoints received them",
        shows="packets missing from the capture (removed with editcap), each message longer than a segment")
async def dropped(run):
    await chat_long(run)


def without_header(run):
    """Take out the segment in which the client's fourth message begins (a masked text frame with a 16-bit length)."""
    data, at, number, found = run.path(None).read_bytes(), 24, 0, []
    while at < len(data):
        size = struct.unpack_from("<I", data, at + 8)[0]
        packet = data[at + 16 : at + 16 + size]
        number += 1
        payload = packet[14 + 20 + (packet[46] >> 4) * 4 :]
        if payload[:2] == b"\x81\xfe":
            found.append(number)
        at += 16 + size
    edited(run, [found[3]], run.name)


@sample("dropped-header.pcap", programs=[*PROGRAMS, "editcap"], mtu=1500, after=without_header,
        partial="the segment in which the client's fourth message begins was taken out of the capture with editcap",
        shows="the segment with a frame header is missing from the capture (removed with editcap): frame boundaries have to be found again")
async def dropped_header(run):
    await chat_long(run)


async def chat_long(run):
    async with server(run, echo, port=9010, **PLAIN):
        async with client(run, "ws://127.0.0.1:9010/", **PLAIN) as c:
            for n in range(8):
                await c.send(f"{n}: " + "a payload longer than a segment " * 100)
                await c.recv()


@sample("dropped-packets-deflate.pcap", programs=[*PROGRAMS, "editcap"], after=dropping(16),
        partial="packet 16 was taken out of the capture with editcap; the endpoints received it",
        shows="a packet missing from the capture of a compressed connection (removed with editcap): the context is lost on one side")
async def dropped_deflate(run):
    await chat(run, messages=8, compression="deflate")


# --- a tunnel between two namespaces ------------------------------------------------------------------------------------

SERVER = """
import asyncio, base64, json, sys
sys.path.insert(0, {make!r})
import lab
from python_endpoints import PLAIN, echo, server

class Run: log = lab.Log()

async def main():
    async with server(Run, echo, port={port}, host={host!r}, **PLAIN):
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.read)
    json.dump([[*k, v] for k, v in Run.log.entries.items()], open({out!r}, "w"))

asyncio.run(main())
"""


class Elsewhere:
    """An echo server in another namespace; its log is taken in when it ends."""

    def __init__(self, run, namespace, host, port=9010):
        self.run, self.out = run, str(run.work / "server.json")
        code = SERVER.format(make=str(lab.MAKE), port=port, host=host, out=self.out)
        self.process = run.spawn(lab.PYTHON, "-c", code, ready="ready", namespace=namespace, stdin=subprocess.PIPE)

    def end(self):
        self.process.stdin.close()
        self.process.wait(timeout=10)
        with open(self.out) as file:
            for observer, connection, side, entries in lab.json.load(file):
                self.run.log.entries[(observer, connection, side)] = entries


def shell(*commands):
    for command in commands:
        subprocess.run(command.split(), check=True)


def other_namespace():
    shell("ip netns add other", "ip netns exec other ip link set lo up")


@sample("vxlan-tunnel.pcapng", programs=[*PROGRAMS, "Linux"], capture=False,
        bpf={"bpf": "udp port 4789", "interface": "outer"}, shows="the conversation inside a VXLAN tunnel between two network namespaces")
async def vxlan(run):
    other_namespace()
    shell("ip link add outer type veth peer name far netns other", "ip addr add 10.77.0.1/24 dev outer", "ip link set outer up",
          "ip netns exec other ip addr add 10.77.0.2/24 dev far", "ip netns exec other ip link set far up",
          "ip link add tunnel type vxlan id 77 remote 10.77.0.2 dstport 4789 dev outer",
          "ip addr add 10.78.0.1/24 dev tunnel", "ip link set tunnel up",
          "ip netns exec other ip link add tunnel type vxlan id 77 remote 10.77.0.1 dstport 4789 dev far",
          "ip netns exec other ip addr add 10.78.0.2/24 dev tunnel", "ip netns exec other ip link set tunnel up")
    try:
        run.start_captures()
        peer = Elsewhere(run, "other", "10.78.0.2")
        async with client(run, "ws://10.78.0.2:9010/through-the-tunnel", **PLAIN) as c:
            for n in range(4):
                await c.send(f"inside the tunnel {n} " * 30)
                await c.recv()
        peer.end()
    finally:
        run.stop_captures()
        shell("ip link del outer", "ip netns del other")


class LossyLink(threading.Thread):
    """Two tun devices and between them a link that drops, repeats and swaps some packets: the TCP stacks repair it."""

    def __init__(self, decide):
        super().__init__(daemon=True)
        self.decide, self.ends, self.open = decide, [], True
        for name in ("lossy", "lossyfar"):
            end = os.open("/dev/net/tun", os.O_RDWR)
            fcntl.ioctl(end, 0x400454CA, struct.pack("16sH14x", name.encode(), 0x1001))  # TUNSETIFF: IFF_TUN | IFF_NO_PI
            self.ends.append(end)

    def run(self):
        counts, held = [0, 0], [None, None]
        while self.open:
            ready, _, _ = select.select(self.ends, [], [], 0.05)
            for end in ready:
                way = self.ends.index(end)
                packet = os.read(end, 65536)
                data = len(packet) > 52 + 20
                counts[way] += data
                fate = self.decide(way, counts[way]) if data else "pass"
                if fate == "drop":
                    continue
                if fate == "hold":
                    held[way] = packet
                    continue
                self.write(way, packet)
                if fate == "twice":
                    self.write(way, packet)
                if held[way]:
                    self.write(way, held[way])
                    held[way] = None

    def write(self, way, packet):
        time.sleep(0.0005)
        os.write(self.ends[1 - way], packet)


@sample("lossy-network.pcap", programs=[*PROGRAMS, "Linux"], capture=False, bpf={"bpf": "tcp", "interface": "lossy"},
        shows="a network that drops, repeats and reorders packets: retransmissions, SACK, out-of-order segments; raw IP (tun) link type")
async def lossy(run):
    fates = {(0, 4): "twice", (0, 7): "hold", (0, 12): "drop", (1, 3): "drop", (1, 6): "hold", (1, 9): "twice", (1, 14): "drop", (0, 18): "drop"}
    link = LossyLink(lambda way, n: fates.get((way, n), "pass"))
    other_namespace()
    shell("ip link set lossyfar netns other", "ip addr add 10.79.0.1/24 dev lossy", "ip link set lossy up mtu 600",
          "ip netns exec other ip addr add 10.79.0.2/24 dev lossyfar", "ip netns exec other ip link set lossyfar up mtu 600")
    link.start()
    try:
        run.start_captures()
        peer = Elsewhere(run, "other", "10.79.0.2")
        async with client(run, "ws://10.79.0.2:9010/lossy", **PLAIN) as c:
            for n in range(12):
                text = f"{n} " + "over a bad line " * (n * 12)
                await c.send(text)
                assert await c.recv() == text
        await settle(0.2)
        peer.end()
    finally:
        run.stop_captures()
        link.open = False
        link.join()
        for end in link.ends:
            os.close(end)
        shell("ip netns del other")


class Switch(threading.Thread):
    """Two tap devices joined, and a third that gets a copy of every frame with two VLAN tags, as a provider's mirror port."""

    def __init__(self, tags):
        super().__init__(daemon=True)
        self.tags, self.ends, self.open = tags, [], True
        for name in ("near", "nearfar", "mirror"):
            end = os.open("/dev/net/tun", os.O_RDWR)
            fcntl.ioctl(end, 0x400454CA, struct.pack("16sH14x", name.encode(), 0x1002))  # TUNSETIFF: IFF_TAP | IFF_NO_PI
            self.ends.append(end)

    def run(self):
        while self.open:
            ready, _, _ = select.select(self.ends, [], [], 0.05)
            for end in ready:
                frame = os.read(end, 65536)
                way = self.ends.index(end)
                if way < 2:
                    os.write(self.ends[1 - way], frame)
                    os.write(self.ends[2], frame[:12] + self.tags + frame[12:])


@sample("vlan-mirror.pcap", programs=[*PROGRAMS, "Linux"], capture=False,
        bpf={"bpf": "", "interface": "mirror", "options": ("--direction=in",)},
        shows="frames with two VLAN tags (802.1ad 100, 802.1Q 10), as on a mirror port; ARP among them")
async def vlan(run):
    switch = Switch(bytes.fromhex("88a800648100000a"))
    other_namespace()
    shell("ip link set nearfar netns other", "ip addr add 10.81.0.1/24 dev near", "ip link set near up", "ip link set mirror up",
          "ip netns exec other ip addr add 10.81.0.2/24 dev nearfar", "ip netns exec other ip link set nearfar up")
    switch.start()
    try:
        run.start_captures()
        peer = Elsewhere(run, "other", "10.81.0.2")
        async with client(run, "ws://10.81.0.2:9010/tagged", **PLAIN) as c:
            for n in range(3):
                await c.send(f"tagged twice {n}")
                await c.recv()
        await settle(0.1)
        peer.end()
    finally:
        run.stop_captures()
        switch.open = False
        switch.join()
        for end in switch.ends:
            os.close(end)
        shell("ip netns del other")


if __name__ == "__main__":
    lab.main("capture-points")
