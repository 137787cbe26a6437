#!/usr/bin/env python3
"""Open connections at a rate on the loopback interface while wireloupe captures it, and say what was lost and whose
processes were found.

Each connection is a GET that is answered and closed; one in a hundred asks for a WebSocket, sends a frame and stays for two
seconds. Needs the right to capture.

    benches/processes.py                       # 5,000 connections a second for ten seconds
    benches/processes.py --rate 2000 --program target/release/wireloupe
"""

import argparse
import base64
import hashlib
import json
import multiprocessing
import resource
import selectors
import signal
import socket
import subprocess
import tempfile
import time

MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = base64.b64encode(hashlib.sha1(KEY + MAGIC).digest())
PLAIN = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
UPGRADE = (b"GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
           b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + KEY + b"\r\n\r\n")
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi"
SWITCH = (b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
          b"Sec-WebSocket-Accept: " + ACCEPT + b"\r\n\r\n")
FRAME = bytes([0x81, 0x85, 1, 2, 3, 4]) + bytes(b ^ k for b, k in zip(b"hello", [1, 2, 3, 4, 1]))
WEBSOCKETS = 100


def serve(listener):
    selector = selectors.DefaultSelector()
    selector.register(listener, selectors.EVENT_READ)
    listener.setblocking(False)
    while True:
        for key, _ in selector.select():
            if key.fileobj is listener:
                try:
                    while True:
                        peer, _ = listener.accept()
                        selector.register(peer, selectors.EVENT_READ)
                except BlockingIOError:
                    continue
            peer = key.fileobj
            try:
                asked = peer.recv(1000)
                if b"websocket" in asked:
                    peer.send(SWITCH)
                    continue
                if asked:
                    peer.send(OK)
                    if not asked.startswith(b"GET"):
                        continue
            except OSError:
                pass
            selector.unregister(peer)
            peer.close()


def offer(port, rate, seconds, sent):
    start, count, kept = time.monotonic(), 0, []
    while (now := time.monotonic() - start) < seconds:
        while count < now * rate:
            peer = socket.create_connection(("127.0.0.1", port))
            count += 1
            if count % WEBSOCKETS == 0:
                peer.send(UPGRADE)
                peer.recv(1000)
                peer.send(FRAME)
                kept.append((time.monotonic(), peer))
            else:
                peer.send(PLAIN)
                peer.recv(1000)
                peer.close()
        while kept and kept[0][0] < time.monotonic() - 2:
            kept.pop(0)[1].close()
        time.sleep(0.0005)
    time.sleep(2)
    sent.put((count, now))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", default="target/release/wireloupe")
    parser.add_argument("--rate", type=int, default=5000)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--clients", type=int, default=2, help="processes that open connections")
    args = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_NOFILE, (20000, 20000))
    first = socket.create_server(("127.0.0.1", 0), backlog=4096)
    port = first.getsockname()[1]
    server = multiprocessing.Process(target=serve, args=(first,), daemon=True)
    server.start()
    # Into a file: a pipe that nobody reads would hold the reader up.
    rows_file = tempfile.TemporaryFile("w+")
    capture = subprocess.Popen(
        [args.program, "read", "-i", "lo", "-f", f"tcp port {port}", "--format", "ndjson", "--show", "connections"],
        stdout=rows_file, stderr=subprocess.PIPE, text=True)
    time.sleep(1.5)
    sent = multiprocessing.Queue()
    clients = [multiprocessing.Process(target=offer, args=(port, args.rate / args.clients, args.seconds, sent))
               for _ in range(args.clients)]
    for client in clients:
        client.start()
    reached = [sent.get() for _ in clients]
    for client in clients:
        client.join()
    time.sleep(1)
    capture.send_signal(signal.SIGINT)
    _, said = capture.communicate(timeout=60)
    rows_file.seek(0)
    server.terminate()
    rows = [json.loads(line) for line in rows_file]
    connections = [row for row in rows if row["type"] == "connection"]
    named = {side: sum(1 for row in connections if (row["processes"] or {}).get(side)) for side in ("client", "server")}
    count = sum(count for count, _ in reached)
    rate = sum(count / seconds for count, seconds in reached)
    print(f"{count} connections, {rate:.0f} a second; "
          f"{len(connections)} WebSockets, client named {named['client']}, server named {named['server']}")
    print(said.strip())


if __name__ == "__main__":
    main()
