#!/usr/bin/env python3
"""Makes the *.case files beside it: TLS connections between real endpoints, with their key logs and what was sent.

Up to TLS 1.2 both endpoints are Python's ssl module, joined in memory; for TLS 1.3 they are `openssl s_server` and
`openssl s_client`, joined by a recording TCP relay, because only they let one choose suites, key updates, early data.

    python3 make.py [name ...]

A case is text: `keylog LINE`, then the streams in the order they crossed (`c`, `s` and base64), then what the client
and the server wrote (`client`, `server` and base64). `fact KEY VALUE` lines say what else a reader should find.
"""
import base64, os, socket, ssl, subprocess, sys, tempfile, threading, time
from pathlib import Path

HERE = Path(__file__).parent
WORK = Path(tempfile.mkdtemp())


def certificate(name, *key):
    cert, private = WORK / f"{name}.crt", WORK / f"{name}.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", *key, "-nodes", "-keyout", private, "-out", cert, "-days",
                    "3650", "-subj", f"/O=Wireloupe tests/CN={name}.test"], check=True, capture_output=True)
    return cert, private


EC = certificate("ec", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")
RSA = certificate("rsa", "rsa:2048")


class Case:
    def __init__(self, name, **facts):
        self.name, self.facts = name, facts
        self.chunks, self.sent = [], {"c": b"", "s": b""}

    def crossed(self, side, data):
        if self.chunks and self.chunks[-1][0] == side:
            self.chunks[-1] = (side, self.chunks[-1][1] + data)
        else:
            self.chunks.append((side, data))

    def write(self, keylog):
        lines = [f"fact {key} {value}" for key, value in self.facts.items()]
        lines += [f"keylog {line}" for line in keylog.read_text().splitlines() if line and line[0] != "#"]
        lines += [f"{side} {base64.b64encode(data).decode()}" for side, data in self.chunks]
        for side, name in (("c", "client"), ("s", "server")):
            lines.append(f"{name} {base64.b64encode(self.sent[side]).decode()}")
        (HERE / f"{self.name}.case").write_text("\n".join(lines) + "\n")
        print(self.name, sum(len(data) for _, data in self.chunks), "bytes")


class Memory:
    """Two SSLObjects and the bytes between them."""

    def __init__(self, case, client, server, session=None, keylog=None):
        self.case = case
        self.bio = {side: (ssl.MemoryBIO(), ssl.MemoryBIO()) for side in "cs"}
        self.c = client.wrap_bio(*self.bio["c"], server_hostname="example.test", session=session)
        self.s = server.wrap_bio(*self.bio["s"], server_side=True)

    def carry(self):
        moved = False
        for side, other in (("c", "s"), ("s", "c")):
            data = self.bio[side][1].read()
            if data:
                self.case.crossed(side, data)
                self.bio[other][0].write(data)
                moved = True
        return moved

    def step(self, *calls):
        for _ in range(20):
            wants = False
            for call in calls:
                try:
                    call()
                except (ssl.SSLWantReadError, ssl.SSLSyscallError):
                    wants = True
            if not self.carry() and not wants:
                return

    def handshake(self):
        self.step(self.c.do_handshake, self.s.do_handshake)

    def send(self, side, data):
        {"c": self.c, "s": self.s}[side].write(data)
        self.case.sent[side] += data
        self.carry()
        peer = {"c": self.s, "s": self.c}[side]
        while data:
            data = data[len(peer.read(len(data))):]
        for end in (self.c, self.s):  # session tickets
            try:
                end.read(0 or 1)
            except ssl.SSLWantReadError:
                pass

    def close(self):
        for end in (self.c, self.s):
            try:
                end.unwrap()
            except ssl.SSLError:
                pass
            self.carry()


def contexts(version, ciphers, cert=EC, options=0, alpn=True):
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    server.load_cert_chain(*cert)
    for context in (client, server):
        context.minimum_version = context.maximum_version = version
        if ciphers:
            context.set_ciphers(ciphers + ":@SECLEVEL=0")
        context.options |= options
        if alpn:
            context.set_alpn_protocols(["http/1.1"])
    return client, server


def memory(name, version, ciphers=None, cert=EC, options=0, large=False, resume=False, **facts):
    client, server = contexts(version, ciphers, cert, options)
    session = None
    if resume:
        first = Memory(Case("first"), client, server)
        first.handshake()
        first.send("s", b"ticket")
        session = first.c.session
    keylog = WORK / f"{name}.keylog"
    client.keylog_filename = str(keylog)
    case = Case(name, **facts)
    wire = Memory(case, client, server, session)
    wire.handshake()
    case.facts["suite"] = wire.c.cipher()[0]
    if resume:
        assert wire.c.session_reused
    wire.send("c", b"GET /chat HTTP/1.1\r\nHost: example.test\r\n\r\n")
    wire.send("s", b"HTTP/1.1 101 Switching Protocols\r\n\r\n")
    for number in range(3):
        wire.send("c", b"client message %d" % number)
        wire.send("s", b"server message %d" % number * (number + 1))
    if large:
        wire.send("s", bytes(range(256)) * 70)
    wire.close()
    case.write(keylog)


def relay(case, listen, target):
    """Accepts one connection and carries it to the target, recording what crosses."""
    near, _ = listen.accept()
    far = socket.create_connection(("127.0.0.1", target))
    lock = threading.Lock()

    def carry(source, sink, side):
        while True:
            try:
                data = source.recv(65536)
            except OSError:
                data = b""
            if not data:
                break
            with lock:
                case.crossed(side, data)
                sink.sendall(data)
        try:
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    threads = [threading.Thread(target=carry, args=args) for args in ((near, far, "c"), (far, near, "s"))]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    near.close(), far.close()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def openssl(name, server_args=(), client_args=(), script=None, cert=EC, early=b"", session=None, replayed=False, **facts):
    """`script` is a list of (side, bytes or s_client command). A command is a str and is no plaintext."""
    port, keylog = free_port(), WORK / f"{name}.keylog"
    case = Case(name, **facts)
    server = subprocess.Popen(
        ["openssl", "s_server", "-accept", str(port), "-cert", cert[0], "-key", cert[1], "-quiet", "-naccept", "4", "-alpn", "http/1.1",
         *server_args], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            break
        except OSError:
            time.sleep(0.02)
    def connect(case, keylog, client_args, script, early=b""):
        listen = socket.create_server(("127.0.0.1", 0))
        thread = threading.Thread(target=relay, args=(case, listen, port))
        thread.start()
        early_args = []
        if early:
            (WORK / "early").write_bytes(early)
            early_args = ["-early_data", str(WORK / "early")]
            if not replayed:
                case.sent["c"] += early
        client = subprocess.Popen(
            ["openssl", "s_client", "-connect", f"127.0.0.1:{listen.getsockname()[1]}", "-servername", "example.test",
             "-alpn", "http/1.1", "-keylogfile", str(keylog), *early_args, *client_args], stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(0.25)
        for side, what in script:
            pipe = client.stdin if side == "c" else server.stdin
            if isinstance(what, str):
                pipe.write(what.encode())
            else:
                pipe.write(what)
                case.sent[side] += what
            pipe.flush()
            time.sleep(0.12)
        client.stdin.write(b"Q\n") if not script or script[-1] != ("c", "Q\n") else None
        client.stdin.close()
        client.wait(5)
        thread.join(5)
    if session:
        connect(Case("first"), WORK / "ignored", [*client_args, "-sess_out", WORK / "session"], [("s", b"ticket\n")])
        client_args = [*client_args, "-sess_in", WORK / "session"]
        if replayed:  # a ticket is good for early data once
            connect(Case("second"), WORK / "ignored", client_args, SCRIPT, early)
        connect(case, keylog, client_args, script or SCRIPT, early)
    else:
        connect(case, keylog, client_args, script or SCRIPT, early)
    server.terminate()
    server.wait()
    case.write(keylog)


SCRIPT = [("c", b"GET /chat HTTP/1.1\n"), ("s", b"HTTP/1.1 101 Switching Protocols\n"), ("c", b"one\n"),
          ("s", b"two\n"), ("c", b"three\n"), ("s", b"four " * 40 + b"\n")]

V = ssl.TLSVersion
NO_ETM, NO_TICKET, NO_EMS = 1 << 19, 1 << 14, 1 << 0


def suites12():
    for cipher, cert in [
        ("ECDHE-ECDSA-AES128-GCM-SHA256", EC), ("ECDHE-ECDSA-AES256-GCM-SHA384", EC), ("AES128-GCM-SHA256", RSA),
        ("ECDHE-RSA-AES256-GCM-SHA384", RSA), ("ECDHE-ECDSA-CHACHA20-POLY1305", EC), ("ECDHE-ECDSA-AES128-CCM", EC),
        ("ECDHE-ECDSA-AES256-CCM", EC), ("ECDHE-ECDSA-AES128-CCM8", EC), ("ECDHE-ECDSA-AES256-CCM8", EC),
        ("ECDHE-ECDSA-AES128-SHA", EC), ("ECDHE-ECDSA-AES256-SHA", EC), ("ECDHE-ECDSA-AES128-SHA256", EC),
        ("ECDHE-ECDSA-AES256-SHA384", EC), ("AES256-SHA256", RSA),
    ]:
        yield f"tls12-{cipher.lower()}", dict(version=V.TLSv1_2, ciphers=cipher, cert=cert)
        if "-SHA" in cipher and "GCM" not in cipher:
            yield f"tls12-{cipher.lower()}-mac-then-encrypt", dict(version=V.TLSv1_2, ciphers=cipher, cert=cert, options=NO_ETM)
    for version, short in ((V.TLSv1_1, "tls11"), (V.TLSv1, "tls10")):
        for cipher, cert in (("ECDHE-ECDSA-AES128-SHA", EC), ("AES256-SHA", RSA)):
            for options, suffix in ((0, ""), (NO_ETM, "-mac-then-encrypt")):
                yield f"{short}-{cipher.lower()}{suffix}", dict(version=version, ciphers=cipher, cert=cert, options=options)
    gcm = dict(version=V.TLSv1_2, ciphers="ECDHE-ECDSA-AES128-GCM-SHA256")
    yield "tls12-resumed-by-ticket", dict(gcm, resume=True, resumed="yes")
    yield "tls12-resumed-by-id", dict(gcm, resume=True, options=NO_TICKET, resumed="yes")
    yield "tls12-no-extended-master-secret", dict(gcm, options=NO_EMS)
    yield "tls12-large", dict(gcm, large=True)


def suites13():
    for suite in ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256",
                  "TLS_AES_128_CCM_SHA256", "TLS_AES_128_CCM_8_SHA256"):
        yield "tls13-" + suite[4:].lower().replace("_", "-"), dict(client_args=["-tls1_3", "-ciphersuites", suite],
            server_args=["-ciphersuites", suite], suite=suite)
    one = ["-tls1_3"]
    yield "tls13-key-update", dict(client_args=one, script=[*SCRIPT, ("c", "K\n"), *SCRIPT, ("c", "k\n"), *SCRIPT])
    yield "tls13-hello-retry", dict(client_args=[*one, "-groups", "X25519:P-384"], server_args=["-groups", "P-384"],
                                    retried="yes")
    yield "tls13-padding", dict(client_args=[*one, "-record_padding", "256"], server_args=["-record_padding", "64"])
    yield "tls13-resumed", dict(client_args=one, session=True, resumed="yes")
    yield "tls13-early-data", dict(client_args=one, server_args=["-early_data", "-max_early_data", "1000"], session=True,
                                   early=b"early words\n" * 3, resumed="yes", early_data="accepted")
    yield "tls13-early-data-rejected", dict(client_args=one, server_args=["-early_data", "-max_early_data", "1000"],
                                            session=True, replayed=True, early=b"early words\n" * 3, early_data="rejected")
    yield "tls12-renegotiation", dict(client_args=["-tls1_2"], server_args=["-client_renegotiation"],
                                      script=[*SCRIPT, ("c", "R\n"), *SCRIPT], renegotiated="yes")
    yield "tls12-fragments", dict(client_args=["-tls1_2", "-max_send_frag", "512"],
                                  server_args=["-max_send_frag", "512"], cert=RSA)


if __name__ == "__main__":
    wanted = sys.argv[1:]
    for make, cases in ((memory, suites12()), (openssl, suites13())):
        for name, arguments in cases:
            if not wanted or name in wanted:
                make(name, **arguments)
