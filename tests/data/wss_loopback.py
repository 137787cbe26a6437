"""One conversation over TLS on the loopback: an upgrade, a message, the end. Secrets go to a key log as they arise.

usage: wss_loopback.py PORT CERTIFICATE KEY KEYLOG TEXT
"""

import base64
import hashlib
import socket
import ssl
import sys
import threading

port, certificate, key, log, text = sys.argv[1:]
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def until_blank_line(stream):
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = stream.recv(1)
        assert byte, "the stream ended in a head"
        head += byte
    return head


def serve(listener):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with context.wrap_socket(listener.accept()[0], server_side=True) as stream:
        head = until_blank_line(stream)
        asked = next(line.split(b":")[1].strip() for line in head.split(b"\r\n") if line.startswith(b"Sec-WebSocket-Key"))
        accept = base64.b64encode(hashlib.sha1(asked + GUID).digest())
        stream.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                       b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n")
        payload = text.encode()
        stream.sendall(bytes([0x81, len(payload)]) + payload)
        stream.recv(1)


with socket.create_server(("127.0.0.1", int(port))) as listener:
    server = threading.Thread(target=serve, args=(listener,))
    server.start()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.keylog_filename = log
    with context.wrap_socket(socket.create_connection(("127.0.0.1", int(port))), server_hostname="localhost") as stream:
        stream.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                       b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
        until_blank_line(stream)
        received = b""
        while len(received) < 2 + len(text):
            received += stream.recv(100)
    server.join()
