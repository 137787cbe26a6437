"""What ordinary programs seldom put on the wire, from real sockets: the lab's two frames, frames beside the 101, odd cuts."""

import asyncio
import base64
import hashlib
import socket
import threading
import time

import lab

lab.enter()

from lab import sample
from websockets.client import ClientProtocol
from websockets.server import ServerProtocol
from websockets.uri import parse_uri

PROGRAMS = ["websockets"]
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def accepted(key):
    return base64.b64encode(hashlib.sha1(key + GUID).digest())


def listen(port):
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", port))
    sock.listen()
    return sock


@sample("lab-hello.pcap", folder="", programs=["Python"],
        shows="a well-known lab's two frames, bit for bit: client to server `81 85 cb 6e 9f 8e 83 0b f3 e2 a4`, server to client `81 05 48 65 6c 6c 6f`")
def lab_hello(run):
    key = b"dGhlIHNhbXBsZSBub25jZQ=="
    request = (b"GET /chat HTTP/1.1\r\nHost: localhost:9000\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
               b"Sec-WebSocket-Key: " + key + b"\r\nSec-WebSocket-Version: 13\r\n\r\n")
    response = (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Accept: " + accepted(key) + b"\r\n\r\n")
    listener = listen(9000)
    client = socket.create_connection(("127.0.0.1", 9000))
    server, _ = listener.accept()
    for sender, receiver, data in (
        (client, server, request), (server, client, response),
        (client, server, bytes.fromhex("8185cb6e9f8e830bf3e2a4")), (server, client, bytes.fromhex("810548656c6c6f")),
    ):
        sender.sendall(data)
        assert receiver.recv(4096) == data
        time.sleep(0.02)
    run.log.add("client", 1, "client", "text", "Hello")
    run.log.add("server", 1, "server", "text", "Hello")
    for end in (client, server, listener):
        end.close()
    time.sleep(0.05)


class Pair:
    """Two sans-IO `websockets` endpoints on real sockets; the script decides which bytes leave together."""

    def __init__(self, run, port=9011, number=1):
        self.listener = listen(port)
        self.sockets = {"client": socket.create_connection(("127.0.0.1", port))}
        self.sockets["server"], _ = self.listener.accept()
        for end in self.sockets.values():
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.ends = {"client": ClientProtocol(parse_uri(f"ws://127.0.0.1:{port}/")), "server": ServerProtocol()}
        for name, end in self.ends.items():
            run.log.tap(name, end)

    def begin(self):
        client = self.ends["client"]
        client.send_request(client.connect())

    def answer(self):
        server = self.ends["server"]
        request = next(e for e in server.events_received() if type(e).__name__ == "Request")
        server.send_response(server.accept(request))

    def waiting(self, name):
        return b"".join(self.ends[name].data_to_send())

    def put(self, name, data, cuts=()):
        """Send these bytes, cut at the given places into segments, and give them to the other end."""
        other = "server" if name == "client" else "client"
        for start, end in zip((0, *cuts), (*cuts, len(data))):
            self.sockets[name].sendall(data[start:end])
            time.sleep(0.01)
        left = len(data)
        while left:
            chunk = self.sockets[other].recv(65536)
            left -= len(chunk)
            self.ends[other].receive_data(chunk)

    def send(self, name, cuts=()):
        self.put(name, self.waiting(name), cuts)

    def close(self):
        self.ends["client"].send_close(1000)
        self.send("client")
        self.send("server")
        for end in (self.sockets["server"], self.sockets["client"], self.listener):
            end.close()
        time.sleep(0.05)


@sample("frames-with-101.pcapng", programs=PROGRAMS, shows="two frames of the server in the segment of the 101")
def with_101(run):
    pair = Pair(run)
    pair.begin()
    pair.send("client")
    pair.answer()
    pair.ends["server"].send_text(b"first, in the packet of the 101")
    pair.ends["server"].send_binary(b"second, too")
    pair.send("server")
    pair.ends["client"].send_text(b"thanks")
    pair.send("client")
    pair.close()


@sample("client-frames-before-101.pcapng", programs=PROGRAMS,
        shows="the client sends its first frame in the segment of the request and another before the 101 comes")
def before_101(run):
    pair = Pair(run)
    client = pair.ends["client"]
    pair.begin()
    # The library sends only when open; the state is set by hand, as an impatient client would behave.
    client.state = client.state.OPEN
    client.send_text(b"too early, in the request's segment")
    request = pair.waiting("client")
    client.send_text(b"too early, before the answer")
    second = pair.waiting("client")
    client.state = client.state.CONNECTING
    pair.sockets["client"].sendall(request)
    time.sleep(0.02)
    pair.sockets["client"].sendall(second)
    time.sleep(0.02)
    got = b""
    while len(got) < len(request) + len(second):
        got += pair.sockets["server"].recv(65536)
    head = got.index(b"\r\n\r\n") + 4
    pair.ends["server"].receive_data(got[:head])
    pair.answer()
    pair.send("server")
    pair.ends["server"].receive_data(got[head:])
    pair.ends["server"].send_text(b"in order")
    pair.send("server")
    pair.close()


@sample("split-everywhere.pcapng", programs=PROGRAMS,
        shows="the request, the response and every frame cut into segments of one to a few bytes")
def split(run):
    pair = Pair(run)
    pair.begin()
    data = pair.waiting("client")
    pair.put("client", data, range(7, len(data), 7))
    pair.answer()
    data = pair.waiting("server")
    pair.put("server", data, range(1, len(data), 11))
    for text in (b"", b"a", b"0123456789", b"x" * 130):
        for name in ("client", "server"):
            pair.ends[name].send_text(text)
            data = pair.waiting(name)
            pair.put(name, data, range(1, min(len(data), 16)))
    pair.ends["client"].send_ping(b"cut")
    data = pair.waiting("client")
    pair.put("client", data, range(1, len(data)))
    data = pair.waiting("server")
    pair.put("server", data, range(1, len(data)))
    pair.close()


if __name__ == "__main__":
    lab.main("frames")
