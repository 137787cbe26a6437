"""Clients of the drafts before RFC 6455, which no current library speaks any more."""

import socket
import time

# The example of draft-ietf-hybi-thewebsocketprotocol-00, whose answer is `fQJ,fN/4F4!~K~MH`.
HIXIE_76 = (b"GET /demo HTTP/1.1\r\nHost: example.com\r\nConnection: Upgrade\r\nSec-WebSocket-Key2: 12998 5 Y3 1  .P00\r\n"
            b"Upgrade: WebSocket\r\nSec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\r\nOrigin: http://example.com\r\n\r\n^n:ds[4U")


def read(sock, seconds):
    sock.settimeout(seconds)
    got = b""
    try:
        while chunk := sock.recv(4096):
            got += chunk
            sock.settimeout(0.3)
    except (TimeoutError, ConnectionResetError):
        pass
    return got


def hixie_76(host, port, messages=(), wait=3):
    """The handshake of hixie-76, then text frames 00 ... FF; returns everything received."""
    sock = socket.create_connection((host, port))
    sock.sendall(HIXIE_76)
    got = read(sock, wait)
    if got.startswith(b"HTTP/1.1 101"):
        for message in messages:
            sock.sendall(b"\x00" + message.encode() + b"\xff")
            got += read(sock, 1)
        sock.sendall(b"\xff\x00")
        got += read(sock, 1)
    sock.close()
    time.sleep(0.05)
    return got
