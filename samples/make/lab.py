"""The laboratory of the capture scripts: a private network, a capture, and what the endpoints say they sent.

A family script declares samples with `@sample(...)` and ends with `main(FOLDER)`, the folder of `samples/` that they belong to
(a sample of another theme names its own). Each sample runs in a network namespace of its
own (so no port is taken and no other traffic is seen), is captured with dumpcap (`.pcapng`) or tcpdump (`.pcap`), and leaves
beside the capture what the endpoints logged through their own libraries, never what was decoded from the packets.
"""

import asyncio
import base64
import hashlib
import inspect
import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

MAKE = Path(__file__).resolve().parent
SAMPLES = MAKE.parent
LAB = Path(os.environ.get("WIRELOUPE_LAB", "/tmp/wireloupe-lab"))
PYTHON = LAB / "venv/bin/python"
MAX_BYTES = 220_000


def enter():
    """Restart this script under the laboratory's Python, which has the libraries that the endpoints are made of."""
    if os.environ.get("WIRELOUPE_LAB_READY"):
        return
    if os.geteuid() != 0:
        sys.exit("capturing and making namespaces needs root")
    subprocess.run([MAKE / "setup"], check=True)
    environment = dict(os.environ, WIRELOUPE_LAB_READY="1", NODE_PATH=str(LAB / "node/node_modules"))
    os.execve(PYTHON, [str(PYTHON), *sys.argv], environment)


def inside(file):
    """Make one sample in a process and a network namespace of its own, with `lo` up: nothing of another is left there."""
    network_ = 'ip link set lo up; exec "$@"'
    command = ["unshare", "--net", "--mount", "sh", "-c", network_, "sh", str(PYTHON), sys.argv[0]]
    return subprocess.run(command, env=dict(os.environ, WIRELOUPE_SAMPLE=file), check=False).returncode == 0


# --- what the endpoints log -------------------------------------------------------------------------------------------


class Log:
    """What each endpoint says was sent, by (observer, connection, side): `observer` logged it, `side` sent it."""

    def __init__(self):
        self.entries = {}
        self.opened = {"client": 0, "server": 0}
        self.frozen = False

    def open(self, observer):
        """The number of the next connection of this observer."""
        self.opened[observer] += 1
        return self.opened[observer]

    def add(self, observer, connection, side, kind, payload):
        if self.frozen:
            return
        if isinstance(payload, str):
            payload = payload.encode()
        line = {
            "connection": connection,
            "side": side,
            "kind": kind,
            "text": payload.decode() if kind == "text" and len(payload) <= 2000 else None,
            "sha256": hashlib.sha256(payload).hexdigest(),
            "length": len(payload),
        }
        if kind == "close":
            line["code"] = struct.unpack("!H", payload[:2])[0] if payload else None
            line["reason"] = payload[2:].decode() if payload else None
        self.entries.setdefault((observer, connection, side), []).append(line)

    def close(self, observer, connection, side, code, reason=""):
        body = b"" if code in (None, 1005) else struct.pack("!H", code) + reason.encode()
        self.add(observer, connection, side, "close", body)

    def view(self, leg, sample):
        """The lines for one capture: the sender's own log where there is one near it, otherwise the receiver's."""
        lines = []
        for connection, side in sorted({(c, s) for _, c, s in self.entries}):
            sender = self.entries.get((side, connection, side))
            receiver = self.entries.get(("server" if side == "client" else "client", connection, side))
            if leg is None:
                if sender is not None and receiver is not None and sender != receiver and not sample.cut_short:
                    print(f"  note: {sample.name} connection {connection}: {side} sent {len(sender)}, peer saw {len(receiver)}")
                lines += sender if sender is not None else receiver
            else:
                here = self.entries.get((leg, connection, side))
                lines += here if here is not None else sender or receiver or []
        return lines

    def tap(self, observer, connection):
        """Log what a Python `websockets` connection sends and receives, before compression and after it is undone."""
        number = self.open(observer)
        other = "server" if observer == "client" else "client"
        protocol = connection.protocol if hasattr(connection, "protocol") else connection
        for name, side in (("send_frame", observer), ("recv_frame", other)):
            setattr(protocol, name, self._watch(getattr(protocol, name), observer, number, side))
        return number

    def _watch(self, method, observer, number, side):
        kinds = {0x1: "text", 0x2: "binary", 0x8: "close", 0x9: "ping", 0xA: "pong"}
        held = {}

        def watched(frame):
            if frame.opcode >= 8:
                self.add(observer, number, side, kinds[frame.opcode], bytes(frame.data))
            else:
                if frame.opcode:
                    held.update(kind=kinds[frame.opcode], parts=[])
                held["parts"].append(bytes(frame.data))
                if frame.fin:
                    self.add(observer, number, side, held["kind"], b"".join(held["parts"]))
            return method(frame)

        return watched

    def take(self, text):
        """Take in the lines another program (Node, a page) logged: observer, connection, side, kind, base64."""
        for line in text.splitlines():
            if not line.startswith("{"):
                continue
            entry = json.loads(line)
            payload = base64.b64decode(entry["base64"])
            self.add(entry["observer"], entry["connection"], entry["side"], entry["kind"], payload)


# --- capturing --------------------------------------------------------------------------------------------------------


class Capture:
    """One dumpcap or tcpdump, from `start` to `stop`."""

    def __init__(self, path, bpf="tcp", interface="lo", namespace=None, snaplen=None, options=()):
        self.path, self.raw = path, LAB / "raw" / path.name
        self.raw.parent.mkdir(parents=True, exist_ok=True)
        within = ["ip", "netns", "exec", namespace] if namespace else []
        limit = ["-s", str(snaplen)] if snaplen else []
        if path.suffix == ".pcapng":
            self.command = [*within, "dumpcap", "-q", "-i", interface, "-f", bpf, *limit, *options, "-w", str(self.raw)]
            self.ready = "File:"
        else:
            self.command = [*within, "tcpdump", "-U", "--immediate-mode", "-Z", "root", "-i", interface, *limit, *options]
            self.command += ["-w", str(self.raw), bpf]
            self.ready = "listening on"

    def start(self):
        self.raw.unlink(missing_ok=True)
        self.process = subprocess.Popen(self.command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        seen = []
        for line in self.process.stderr:
            seen.append(line)
            if self.ready in line:
                return self
        sys.exit(f"capture did not start: {' '.join(self.command)}\n{''.join(seen)}")

    def stop(self):
        time.sleep(0.4)
        self.process.send_signal(signal.SIGINT)
        self.process.communicate(timeout=20)
        data = self.raw.read_bytes()
        self.path.write_bytes(without_machine(data) if self.path.suffix == ".pcapng" else data)
        return self


def without_machine(data):
    """A pcapng without what it says of the machine: processor and kernel in the section header, kernel in the interfaces."""
    drop = {0x0A0D0D0A: (16, (2, 3)), 1: (8, (12,))}
    out, at = bytearray(), 0
    while at + 12 <= len(data):
        kind, length = struct.unpack_from("<II", data, at)
        body = data[at + 8 : at + length - 4]
        if kind in drop:
            first, codes = drop[kind]
            body = body[:first] + without_options(body[first:], codes)
        if kind == 0x0A0D0D0A:
            # The section's length is no longer true; all ones say that it is not given.
            body = body[:8] + b"\xff" * 8 + body[16:]
        out += struct.pack("<II", kind, len(body) + 12) + body + struct.pack("<I", len(body) + 12)
        at += length
    return bytes(out)


def without_options(options, codes):
    kept, at = bytearray(), 0
    while at + 4 <= len(options):
        code, size = struct.unpack_from("<HH", options, at)
        end = at + 4 + (size + 3) // 4 * 4
        if code not in codes:
            kept += options[at:end]
        at = end
    return bytes(kept)


COMPRESS = {".gz": ["gzip", "-9nf"], ".zst": ["zstd", "-q19", "--rm", "-f"], ".lz4": ["lz4", "-q", "-9", "-f", "-m", "--rm"]}


# --- samples ----------------------------------------------------------------------------------------------------------

REGISTRY = []


class Sample:
    """One sample while it is made. `file` may end in a compression suffix; `legs` names several capture points."""

    def __init__(self, function, file, shows, programs, bpf="tcp", legs=None, expect=None, partial=None,
                 cut_short=False, mtu=None, late=False, capture=True, log=True, after=None, key_legs=("client",), folder="",
                 also=None, uncertain=False, findings=None,
                 quotes=None, unsaid=None, security=None, secrets=None, **options):
        self.function, self.file, self.shows, self.programs = function, file, shows, programs
        self.legs, self.expect, self.partial, self.cut_short = legs or {None: bpf}, expect, partial, cut_short
        self.mtu, self.late, self.capture, self.options, self.keep_log = mtu, late, capture, options, log
        self.after, self.key_legs = after, key_legs
        self.also, self.uncertain, self.findings, self.quotes = also, uncertain, findings, quotes
        self.unsaid, self.security, self.secrets = unsaid, security, secrets
        self.name, self.suffix, self.compression = re.fullmatch(r"(.+?)(\.pcap(?:ng)?)(\.\w+)?", file).groups()
        self.log, self.processes, self.captures, self.said = Log(), [], [], []
        self.folder = SAMPLES / folder
        self.keys = self.folder / f"{self.name}.keys"
        self.work = LAB / "work" / self.name

    def path(self, leg):
        return self.folder / (f"{self.name}.{leg}{self.suffix}" if leg else f"{self.name}{self.suffix}")

    def start_captures(self):
        for leg, where in self.legs.items():
            options = dict(where) if isinstance(where, dict) else {"bpf": where}
            self.captures.append(Capture(self.path(leg), **{**options, **self.options}).start())

    def stop_captures(self):
        for capture in self.captures:
            capture.stop()
        self.captures = []

    def spawn(self, *command, ready=None, port=None, environment=None, namespace=None, **popen):
        """Start a server and wait until it listens on `port` (or prints `ready`); it is ended with the sample."""
        if namespace:
            command = ("ip", "netns", "exec", namespace, *command)
        output = open(self.work / f"{Path(str(command[0])).name}.{len(self.processes)}.log", "w+")
        process = subprocess.Popen([str(c) for c in command], stdout=output, stderr=subprocess.STDOUT,
                                   env=dict(os.environ, **(environment or {})), start_new_session=True, **popen)
        process.output = Path(output.name)
        self.processes.append(process)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            if port and listening(port, namespace) or ready and ready in process.output.read_text():
                return process
            if not (port or ready):
                return process
            if process.poll() is not None and process.returncode != 0:
                break
            time.sleep(0.05)
        sys.exit(f"{self.name}: {' '.join(map(str, command))} did not start:\n{process.output.read_text()}")

    def node(self, script, *arguments, environment=None):
        """Run a Node program of `endpoints/` to its end and take its log in."""
        done = subprocess.run(["node", str(MAKE / "endpoints" / script), *map(str, arguments)], text=True, timeout=60,
                              stdout=subprocess.PIPE, env=dict(os.environ, **(environment or {})), check=True)
        self.log.take(done.stdout)
        return done.stdout

    def says(self, who, words):
        """Keep what an endpoint itself reported of an outcome (its error, its log line), beside the true cause."""
        print(f"  {who} says: {words}")
        self.said.append(f"{who}: {words}")

    def end_processes(self):
        for process in reversed(self.processes):
            for number in (signal.SIGTERM, signal.SIGKILL):
                try:
                    os.killpg(process.pid, number)
                    process.wait(timeout=5)
                    break
                except (ProcessLookupError, subprocess.TimeoutExpired):
                    continue

    def make(self):
        print(f"{self.file}")
        shutil.rmtree(self.work, ignore_errors=True)
        self.folder.mkdir(exist_ok=True)
        self.work.mkdir(parents=True)
        self.work.chmod(0o777)
        self.keys.unlink(missing_ok=True)
        if self.mtu:
            network("lo", self.mtu)
        try:
            if self.capture and not self.late:
                self.start_captures()
            outcome = self.function(self)
            if inspect.iscoroutine(outcome):
                asyncio.run(asyncio.wait_for(outcome, 120))
        finally:
            self.stop_captures()
            self.end_processes()
            if self.mtu:
                network("lo", 65536)
        self.finish()

    def finish(self):
        if self.after:
            self.after(self)
        if self.keys.exists():
            self.keys.chmod(0o644)
        if None not in self.legs and self.keys.exists():
            for leg in self.key_legs:
                shutil.copy(self.keys, self.folder / f"{self.name}.{leg}.keys")
            self.keys.unlink()
        for leg in self.legs:
            base = self.folder / (f"{self.name}.{leg}" if leg else self.name)
            if self.keep_log:
                lines = self.log.view(leg, self)
                Path(f"{base}.endpoints.ndjson").write_text("".join(json.dumps(x, ensure_ascii=False) + "\n" for x in lines))
            path = self.path(leg)
            if self.compression:
                subprocess.run([*COMPRESS[self.compression], str(path)], check=True)
                path = Path(f"{path}{self.compression}")
            if path.stat().st_size > MAX_BYTES:
                print(f"  WARNING: {path.name} has {path.stat().st_size} bytes")
            write_expectation(Path(f"{base}.expect.json"), self, leg)
            readme_row(path.name, self)


def attempt_row(row):
    """(connection, cause, verdict, stage), and sometimes other verdicts that the packets of this attempt allow."""
    fields = dict(zip(("connection", "cause", "verdict", "stage", "also"), row))
    return {key: value for key, value in fields.items() if key != "also" or value}


def write_expectation(path, sample, leg):
    expect = sample.expect.get(leg, sample.expect.get("attempts")) if isinstance(sample.expect, dict) else sample.expect
    content = {}
    if expect:
        content["attempts"] = [attempt_row(row) for row in expect]
    if sample.also:
        content["also"] = sample.also
    if sample.quotes:
        content["quotes"] = sample.quotes
    if sample.unsaid:
        content["unsaid"] = sample.unsaid
    if sample.security is not None:
        content["security"] = [{"connection": number, "find": what} for number, what in sample.security]
        content["secrets"] = sample.secrets
    if sample.findings:
        content["findings"] = sample.findings
    if sample.uncertain:
        content["uncertain"] = True
    if sample.partial:
        content["partial"] = sample.partial
    if sample.said:
        content["said"] = sample.said
    if content:
        path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    else:
        path.unlink(missing_ok=True)


def sample(file, **options):
    def register(function):
        REGISTRY.append((function, file, options))
        return function

    return register


def main(folder):
    """Make the samples of this script, which go to that folder of `samples/` unless they name another: all, or those whose name contains one of the arguments."""
    alone = os.environ.get("WIRELOUPE_SAMPLE")
    failed = []
    for function, file, options in REGISTRY:
        if alone == file:
            Sample(function, file, **{"folder": folder, **options}).make()
        elif not alone and (not sys.argv[1:] or any(w in file for w in sys.argv[1:])):
            # A headless browser now and then hangs while it starts, so each sample has a second try.
            if not (inside(file) or inside(file)):
                failed.append(file)
    if failed:
        sys.exit(f"not made: {', '.join(failed)}")


# --- the network ------------------------------------------------------------------------------------------------------


def network(interface, mtu, namespace=None):
    """Set the MTU; below 64 KiB also turn segmentation offload off, so that segments are those of a real link."""
    within = ["ip", "netns", "exec", namespace] if namespace else []
    state = "on" if mtu > 9000 else "off"
    subprocess.run([*within, "ip", "link", "set", interface, "mtu", str(mtu)], check=True)
    subprocess.run([*within, "ethtool", "-K", interface, "tso", state, "gso", state, "gro", state], check=False,
                   stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def listening(port, namespace=None):
    """Whether a TCP socket listens on the port; asks the kernel, so no probe appears in the capture."""
    within = ["ip", "netns", "exec", namespace] if namespace else []
    found = subprocess.run([*within, "ss", "-Hltn", f"sport = :{port}"], capture_output=True, text=True)
    return bool(found.stdout.strip())


def reset(sock):
    """Close with a RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


# --- the table of samples ---------------------------------------------------------------------------------------------

VERSIONS = {
    "Apache": ["/usr/sbin/apache2", "-v"], "Chromium": ["chromium", "--version"], "HAProxy": ["haproxy", "-v"],
    "nginx": ["nginx", "-v"], "Squid": ["squid", "-v"], "Varnish": ["varnishd", "-V"], "OpenSSL": ["openssl", "version"],
    "Node.js": ["node", "--version"], "Mosquitto": ["mosquitto", "-h"], "websocketd": ["websocketd", "--version"],
    "Python": [str(PYTHON), "--version"], "tcpdump": ["tcpdump", "--version"], "Linux": ["uname", "-r"],
    "editcap": ["editcap", "--version"], "lighttpd": ["lighttpd", "-v"], "nghttpd": ["nghttpd", "--version"], "GnuTLS": ["gnutls-serv", "--version"],
    "Redis": ["redis-server", "--version"], "curl": ["curl", "--version"], "Java": ["java", "--version"],
}
DEBIAN_PACKAGES = {
    "gorilla": "golang-github-gorilla-websocket-dev", "nhooyr": "golang-nhooyr-websocket-dev",
    "golang.org/x/net/websocket": "golang-golang-x-net-dev", "em-websocket": "ruby-em-websocket", "dante": "dante-server", "microsocks": "microsocks", "OpenSSH": "openssh-server", "sniproxy": "sniproxy",
    "stunnel": "stunnel4", "Caddy": "caddy", "dnsmasq": "dnsmasq-base", "OpenVPN": "openvpn",
    "H2O": "h2o", "Tinyproxy": "tinyproxy-bin", "nghttpx": "nghttp2-proxy", "Prosody": "prosody",
    "ModSecurity": "libnginx-mod-http-modsecurity", "mod_evasive": "libapache2-mod-evasive",
}
NODE_PACKAGES = {"ws", "socket.io", "socket.io-client", "@stomp/stompjs", "stomp-broker-js", "mqtt", "websocket-driver", "websocket-driver-lenient", "undici", "express", "vite"}
KNOWN = {}


def version(program):
    if program in KNOWN:
        return KNOWN[program]
    if program in NODE_PACKAGES:
        found = json.loads((LAB / f"node/node_modules/{program}/package.json").read_text())["version"]
    elif program in DEBIAN_PACKAGES:
        done = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", DEBIAN_PACKAGES[program]], text=True, stdout=subprocess.PIPE)
        found = re.search(r"\d+\.\d[\d.]*", done.stdout).group()
    elif program in VERSIONS:
        done = subprocess.run(VERSIONS[program], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        found = re.search(r"\d+\.\d[\w.]*", done.stdout).group()
    else:
        import importlib.metadata
        try:
            found = importlib.metadata.version(program)
        except importlib.metadata.PackageNotFoundError:
            found = ""
    KNOWN[program] = f"{program} {found}".strip()
    return KNOWN[program]


COLUMNS = "| file | programs | what it shows | script |\n| --- | --- | --- | --- |\n"


def readme_row(file, sample):
    """Put the sample's line into its folder's table in README.md, in alphabetical order, in place of an older one."""
    readme = SAMPLES / "README.md"
    script = Path(sys.argv[0]).name
    programs = ", ".join(version(p) for p in sample.programs)
    row = f"| `{file}` | {programs} | {sample.shows} | `{script}` |"
    heading = "## In this folder" if sample.folder == SAMPLES else f"## {sample.folder.name}/"
    head, *parts = re.split(r"(?m)^(?=## )", readme.read_text())
    if not any(part.startswith(f"{heading}\n") for part in parts):
        parts.append(f"{heading}\n")
    parts = [with_row(part, file, row) if part.startswith(f"{heading}\n") else part for part in parts]
    readme.write_text("\n\n".join(part.strip("\n") for part in (head, *parts)) + "\n")


def with_row(part, file, row):
    rows = {line.split("`")[1]: line for line in part.splitlines() if line.startswith("| `")}
    rows[file] = row
    intro = part.split("| file |")[0].strip("\n")
    return f"{intro}\n\n{COLUMNS}" + "\n".join(rows[name] for name in sorted(rows))


# --- certificates -----------------------------------------------------------------------------------------------------

# Not under LAB: the configurations of the proxies name it.
CERTIFICATE = Path("/tmp/wireloupe-lab/certificate")


def certificates():
    """A self-signed RSA certificate (`localhost.pem`, `.key`, `.both`) and an ECDSA one (`elliptic.*`) for localhost."""
    CERTIFICATE.mkdir(parents=True, exist_ok=True)
    for name, key in (("localhost", ["rsa:2048"]), ("elliptic", ["ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"])):
        certificate, secret = CERTIFICATE / f"{name}.pem", CERTIFICATE / f"{name}.key"
        if not certificate.exists():
            subprocess.run(["openssl", "req", "-x509", "-newkey", *key, "-nodes", "-keyout", str(secret), "-out", str(certificate),
                            "-days", "3650", "-subj", "/CN=localhost/O=Lab", "-addext",
                            "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:127.0.0.2,IP:127.0.0.3"], check=True, capture_output=True)
            (CERTIFICATE / f"{name}.both").write_text(certificate.read_text() + secret.read_text())
    return CERTIFICATE
