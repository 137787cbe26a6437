"""Raw sockets that speak just enough HTTP and RFC 6455 to break a rule on purpose, and to read what the other side makes of it."""

import base64
import contextlib
import hashlib
import os
import socket
import struct
import threading
import time

HEAD_END = b"\r\n\r\n"
KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
TEXT, BINARY, CLOSE, PING, PONG = 0x1, 0x2, 0x8, 0x9, 0xA


def accept_value(key=KEY):
    return base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())


def request(port, path=b"/chat", host=b"127.0.0.1", version=b"13", key=KEY, more=b"", drop=(), http=b"HTTP/1.1"):
    lines = [b"GET " + path + b" " + http, b"Host: " + host + b":%d" % port, b"Upgrade: websocket", b"Connection: Upgrade",
             b"Sec-WebSocket-Key: " + key, b"Sec-WebSocket-Version: " + version]
    kept = [line for line in lines if not any(line.startswith(d) for d in drop)]
    return b"\r\n".join(kept) + b"\r\n" + more + b"\r\n"


def response(head, more=b"", value=None, first=b"HTTP/1.1 101 Switching Protocols"):
    """The 101 that belongs to a request's head."""
    key = next((line.split(b":", 1)[1].strip() for line in head.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key")), KEY)
    return b"\r\n".join([first, b"Upgrade: websocket", b"Connection: Upgrade", b"Sec-WebSocket-Accept: " + (value or accept_value(key))]) + b"\r\n" + more + b"\r\n"


def frame(opcode, payload=b"", fin=True, mask=True, rsv=0, declared=None):
    """One frame; `declared` writes another payload length than the payload has, in eight bytes."""
    if declared is not None:
        length = bytes([127]) + struct.pack("!Q", declared)
    elif len(payload) < 126:
        length = bytes([len(payload)])
    elif len(payload) < 65536:
        length = b"\x7e" + struct.pack("!H", len(payload))
    else:
        length = b"\x7f" + struct.pack("!Q", len(payload))
    if not mask:
        return bytes([fin << 7 | rsv << 4 | opcode]) + length + payload
    length, key = bytes([length[0] | 0x80]) + length[1:], os.urandom(4)
    return bytes([fin << 7 | rsv << 4 | opcode]) + length + key + bytes(b ^ key[n % 4] for n, b in enumerate(payload))


def close_body(code, reason=b""):
    return struct.pack("!H", code) + reason


def read_head(sock):
    got = b""
    while HEAD_END not in got:
        chunk = sock.recv(65536)
        if not chunk:
            break
        got += chunk
    return got


def drain(sock, seconds=0.6):
    """Everything that still comes until the peer is silent or gone, and how it ended."""
    sock.settimeout(seconds)
    got = b""
    try:
        while chunk := sock.recv(65536):
            got += chunk
        return got, "FIN"
    except TimeoutError:
        return got, "silence"
    except ConnectionError:
        return got, "RST"


def frames(data):
    """(opcode, payload) of the frames in bytes that are known to be sound ones."""
    at, out = 0, []
    while at + 2 <= len(data):
        size, masked = data[at + 1] & 0x7F, data[at + 1] >> 7
        start = at + 2
        if size >= 126:
            width = 2 if size == 126 else 8
            size = int.from_bytes(data[start:start + width], "big")
            start += width
        key = data[start:start + 4] if masked else b"\0\0\0\0"
        start += 4 * masked
        body = data[start:start + size]
        out.append((data[at] & 0xF, bytes(b ^ key[n % 4] for n, b in enumerate(body))))
        at = start + size
    return out


def close_of(data):
    """(code, reason) of the first close frame in the bytes; code 1005 when it has no body; None without one."""
    for opcode, body in frames(data):
        if opcode == CLOSE:
            return (int.from_bytes(body[:2], "big"), body[2:].decode(errors="replace")) if body else (1005, "")
    return None


def converse(port, *parts, first=None, pause=0.05, wait=0.6, host="127.0.0.1", end=None):
    """Connect, upgrade, send the parts with pauses between; returns (head, bytes after it, how it ended)."""
    sock = socket.create_connection((host, port))
    sock.settimeout(5)
    sock.sendall(first or request(port))
    head, _, rest = read_head(sock).partition(HEAD_END)
    with contextlib.suppress(ConnectionError):
        for part in parts:
            sock.sendall(part)
            time.sleep(pause)
    if end:
        end(sock)
        return head, rest, "ours"
    more, how = drain(sock, wait)
    sock.close()
    time.sleep(0.05)
    return head, rest + more, how


@contextlib.contextmanager
def server(conversations, port, host="127.0.0.1", head=True):
    """Runs one `conversation(socket, head)` after the other, each for the next connection that comes."""
    listener = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)

    def serve():
        for conversation in conversations:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            sock.settimeout(5)
            with contextlib.suppress(OSError):
                conversation(sock, read_head(sock) if head else b"")
            with contextlib.suppress(OSError):
                sock.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield
    finally:
        thread.join(8)
        listener.close()
