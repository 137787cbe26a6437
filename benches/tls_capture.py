"""A large capture of one WebSocket over TLS, made by real endpoints: OpenSSL on both ends, captured on the loopback.

usage: tls_capture.py OUT.pcapng KEYLOG [MEGABYTES]      (as root; needs dumpcap, openssl and iproute2)

TLS 1.2 with ECDHE and AES-128-GCM, records of 16 KB; the server sends binary frames of 4 KB. It runs in a network namespace
of its own. The file is whole when dumpcap says that it dropped nothing, which is checked.
"""

import base64
import hashlib
import os
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
PORT, FRAME, TOGETHER = 9443, 4096, 64


def head(stream):
    received = b""
    while not received.endswith(b"\r\n\r\n"):
        received += stream.recv(1)
    return received


def serve(listener, certificate, megabytes):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with context.wrap_socket(listener.accept()[0], server_side=True) as stream:
        key = next(line.split(b":")[1].strip() for line in head(stream).split(b"\r\n") if line.startswith(b"Sec-WebSocket-Key"))
        accept = base64.b64encode(hashlib.sha1(key + GUID).digest())
        stream.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                       b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n")
        frames = b"".join(bytes([0x82, 126]) + FRAME.to_bytes(2, "big") + os.urandom(FRAME) for _ in range(TOGETHER))
        for _ in range(megabytes * 1_000_000 // len(frames)):
            stream.sendall(frames)


def talk(keylog):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE+AESGCM:!AES256")
    context.keylog_filename = keylog
    with context.wrap_socket(socket.create_connection(("127.0.0.1", PORT)), server_hostname="localhost") as stream:
        stream.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                       b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
        while stream.recv(1 << 16):
            pass
        print(*stream.cipher())


def main():
    out, keylog, megabytes = sys.argv[1], sys.argv[2], int((sys.argv[3:] or ["1000"])[0])
    if not os.environ.get("IN_NAMESPACE"):
        command = ["unshare", "--net", "sh", "-c", 'ip link set lo up; exec "$@"', "sh", sys.executable, *sys.argv]
        sys.exit(subprocess.run(command, env=dict(os.environ, IN_NAMESPACE="1")).returncode)
    with tempfile.TemporaryDirectory() as folder:
        certificate = Path(folder) / "localhost.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                        "-keyout", certificate, "-out", f"{certificate}.crt"], check=True, capture_output=True)
        certificate.write_text(certificate.read_text() + Path(f"{certificate}.crt").read_text())
        capture = subprocess.Popen(["dumpcap", "-i", "lo", "-B", "512", "-w", out], stderr=subprocess.PIPE, text=True)
        while "File:" not in (line := capture.stderr.readline()):
            assert line, "dumpcap did not start"
        with socket.create_server(("127.0.0.1", PORT)) as listener:
            server = threading.Thread(target=serve, args=(listener, certificate, megabytes))
            server.start()
            talk(keylog)
            server.join()
        time.sleep(1)
        capture.send_signal(signal.SIGINT)
        said = capture.communicate()[1]
        print(said.strip().splitlines()[-1])


if __name__ == "__main__":
    main()
