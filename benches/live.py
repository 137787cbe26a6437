#!/usr/bin/env python3
"""Capture to a file beside `tcpdump -w`, at the same offered packet rates, and say who dropped what.

Each round offers the same datagrams once to tcpdump and once to wireloupe, in turn, on a loopback interface or a veth
pair in a network name space of its own (nothing leaves it). A packet is received when it is in the file. Needs root,
tcpdump and `ip`; bounded by --seconds per round and tool.

    benches/live.py                                   # loopback, 50,000 to 400,000 packets a second
    benches/live.py --link veth --rates 100000 --rounds 5
    benches/live.py --program 'target/release/wireloupe -i {link} -f {filter} -w {file} -a duration:{seconds}'
"""

import argparse
import os
import re
import resource
import shlex
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

PORT = 40009
FILTER = f"udp dst port {PORT}"
SETTLE = 1.5  # seconds a capture has to write what the kernel holds for it
MARGIN = 4.0  # seconds a capture with a time limit runs longer than it is offered packets


def send(link, rate, seconds, size):
    """Offers `rate` packets a second; returns how many were sent, and the rate that was reached."""
    payload = b"x" * size
    if link == "lo":
        sink = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sink.bind(("127.0.0.1", PORT))  # so that no ICMP errors come back; never read, its buffer just fills
        sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sender.connect(("127.0.0.1", PORT))
        packet = payload
    else:
        sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        sender.bind(("wl0", 0))
        udp = struct.pack("!HHHH", PORT, PORT, 8 + size, 0)
        ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 28 + size, 0, 0, 64, 17, 0, b"\x0a\0\0\1", b"\x0a\0\0\2")
        packet = b"\xff" * 6 + b"\2\0\0\0\0\1" + b"\x08\0" + ip + udp + payload
    start, sent = time.monotonic(), 0
    while (now := time.monotonic() - start) < seconds:
        due = int(now * rate)
        for _ in range(min(due - sent, 1000)):
            try:
                sender.send(packet)
                sent += 1
            except (BlockingIOError, OSError):
                break  # the device's queue is full: the packet was not sent
        if due <= sent:
            time.sleep(0.0005)
    return sent, sent / (time.monotonic() - start)


def blocks(data):
    """The (type, body) of a pcapng file's blocks, up to where it is cut."""
    at = 0
    while at + 12 <= len(data):
        kind, length = struct.unpack_from("=II", data, at)
        if length < 12 or at + length > len(data):
            return
        yield kind, data[at + 8 : at + length - 4]
        at += length


def count_pcapng(path):
    """Packets in the file, and the kernel's drops of its last statistics."""
    packets, dropped = 0, 0
    with open(path, "rb") as file:
        data = memoryview(file.read())
    for kind, body in blocks(data):
        if kind == 6:
            packets += 1
        elif kind == 5:
            at = 12
            while at + 4 <= len(body):
                code, length = struct.unpack_from("=HH", body, at)
                if code == 7:
                    (dropped,) = struct.unpack_from("=Q", body, at + 4)
                at += 4 + (length + 3) // 4 * 4
    return packets, dropped


def count_pcap(path):
    with open(path, "rb") as file:
        data = file.read()
    packets, at = 0, 24
    while at + 16 <= len(data):
        at += 16 + struct.unpack_from("=I", data, at + 8)[0]
        packets += 1
    return packets


def wait_until_open(process, errors, command):
    """Waits until a capture says that it listens (tcpdump), or its file has a head (wireloupe)."""
    files = [word for word in command if word.endswith(".pcapng")]
    deadline = time.monotonic() + 10
    while process.poll() is None and time.monotonic() < deadline:
        if any(os.path.exists(file) and os.path.getsize(file) for file in files):
            break
        if b"listening on" in os.pread(errors.fileno(), 4096, 0):
            break
        time.sleep(0.02)
    time.sleep(0.2)


def run(command, link, rate, seconds, size, stop):
    """Runs one capture while packets are offered."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors)
        try:
            wait_until_open(process, errors, command)
            if process.poll() is None:
                reader, writer = os.pipe()
                child = os.fork()
                if child == 0:
                    os.write(writer, struct.pack("=Qd", *send(link, rate, seconds, size)))
                    os._exit(0)
                sent, reached = struct.unpack("=Qd", os.read(reader, 16))
                sender_usage = os.wait4(child, 0)[2]
                os.close(reader), os.close(writer)
                time.sleep(SETTLE)
            if stop:
                process.send_signal(signal.SIGINT)
            process.wait(timeout=MARGIN + seconds + 30)
        finally:
            if process.poll() is None:
                process.kill()
        errors.seek(0)
        text = errors.read().decode(errors="replace")
    if process.returncode != 0:
        sys.exit(f"{shlex.join(command)}\nfailed:\n{text}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return sent, reached, cpu - sender_usage.ru_utime - sender_usage.ru_stime, text


def tcpdump(arguments, directory, rate):
    path = os.path.join(directory, "tcpdump.pcap")
    command = ["tcpdump", "-i", arguments.device, "-n", "-Z", "root", "-B", str(arguments.buffer << 10), "-w", path, FILTER]
    sent, reached, cpu, text = run(command, arguments.link, rate, arguments.seconds, arguments.size, True)
    dropped = re.search(r"(\d+) packets? dropped by kernel", text)
    result = sent, reached, count_pcap(path), int(dropped[1]) if dropped else 0, cpu
    os.unlink(path)
    return result


def wireloupe(arguments, directory, rate):
    path = os.path.join(directory, "wireloupe.pcapng")
    values = {"link": arguments.device, "filter": FILTER, "file": path, "seconds": arguments.seconds + MARGIN}
    command = [word.format(**values) for word in shlex.split(arguments.program)]
    sent, reached, cpu, _ = run(command, arguments.link, rate, arguments.seconds, arguments.size, False)
    packets, dropped = count_pcapng(path)
    os.unlink(path)
    return sent, reached, packets, dropped, cpu


def enter_name_space():
    """Starts over in a network name space of its own, where nothing else is sent."""
    if os.geteuid() != 0:
        sys.exit("live.py: needs root, for a network name space and the right to capture")
    for tool in ("unshare", "ip", "tcpdump"):
        if shutil.which(tool) is None:
            sys.exit(f"live.py: needs {tool}")
    if os.environ.get("WIRELOUPE_LIVE_BENCH") != "inside":
        os.environ["WIRELOUPE_LIVE_BENCH"] = "inside"
        os.execvp("unshare", ["unshare", "-n", sys.executable, *sys.argv])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default="target/release/wireloupe -i {link} -f {filter} -w {file} -a duration:{seconds}")
    parser.add_argument("--link", choices=["lo", "veth"], default="lo")
    parser.add_argument("--rates", type=int, nargs="+", default=[50_000, 100_000, 200_000, 400_000])
    parser.add_argument("--seconds", type=float, default=2.0, help="time packets are offered, per tool and rate")
    parser.add_argument("--size", type=int, default=100, help="payload bytes")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--buffer", type=int, default=64, help="the kernel's buffer in MiB, as wireloupe has by default")
    arguments = parser.parse_args()
    enter_name_space()
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    arguments.device = "lo"
    if arguments.link == "veth":
        subprocess.run("ip link add wl0 type veth peer name wl1 && ip link set wl0 up && ip link set wl1 up", shell=True, check=True)
        arguments.device = "wl1"
    print(f"{'tool':10} {'offered/s':>10} {'sent':>9} {'received':>9} {'lost':>7} {'kernel drops':>12} {'cpu s':>6}")
    totals = {}
    with tempfile.TemporaryDirectory(prefix="wireloupe-bench-") as directory:
        for rate in arguments.rates:
            for _ in range(arguments.rounds):
                for tool in (tcpdump, wireloupe):
                    sent, reached, received, dropped, cpu = tool(arguments, directory, rate)
                    total = totals.setdefault((rate, tool.__name__), [0, 0, 0.0])
                    total[0] += sent
                    total[1] += received
                    total[2] += cpu
                    print(f"{tool.__name__:10} {reached:10.0f} {sent:9} {received:9} {sent - received:7} {dropped:12} {cpu:6.2f}", flush=True)
    print(f"\n{'offered/s':>10} {'tcpdump got':>12} {'wireloupe got':>14} {'ratio':>7} {'cpu ratio':>10}")
    for rate in arguments.rates:
        sent, received, cpu = totals[rate, "tcpdump"]
        our_sent, our_received, our_cpu = totals[rate, "wireloupe"]
        share, our_share = received / sent, our_received / our_sent
        print(f"{rate:10} {share:12.2%} {our_share:14.2%} {our_share / share:7.4f} {our_cpu / max(cpu, 0.01):10.2f}")


if __name__ == "__main__":
    main()
