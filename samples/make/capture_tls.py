"""wss: every TLS version and cipher suite that the local OpenSSL still speaks, each with its key log."""

import asyncio
import json
import os
import subprocess
import time
import warnings

import lab

lab.enter()

from websockets.client import ClientProtocol
from websockets.exceptions import InvalidStatus
from websockets.server import ServerProtocol
from websockets.uri import parse_uri

import proxies
from browser import browse
from lab import sample
from python_endpoints import PLAIN, client, echo, server, settle
from secure import NO_ENCRYPT_THEN_MAC, NO_EXTENDED_MASTER_SECRET, contexts

warnings.simplefilter("ignore", DeprecationWarning)
PROGRAMS = ["websockets", "OpenSSL"]

SUITES = [
    ("tls10-aes128-cbc-sha", "1.0", "ECDHE-RSA-AES128-SHA", 0, "AES-128-CBC with SHA-1, empty records against BEAST"),
    ("tls11-aes256-cbc-sha", "1.1", "ECDHE-RSA-AES256-SHA", 0, "AES-256-CBC with SHA-1, explicit IV"),
    ("tls11-mac-then-encrypt", "1.1", "ECDHE-RSA-AES128-SHA", NO_ENCRYPT_THEN_MAC, "AES-128-CBC with SHA-1, MAC then encrypt"),
    ("tls12-aes128-gcm", "1.2", "ECDHE-RSA-AES128-GCM-SHA256", 0, "AES-128-GCM"),
    ("tls12-aes256-gcm", "1.2", "ECDHE-RSA-AES256-GCM-SHA384", 0, "AES-256-GCM"),
    ("tls12-chacha20-poly1305", "1.2", "ECDHE-RSA-CHACHA20-POLY1305", 0, "ChaCha20-Poly1305"),
    ("tls12-aes128-ccm", "1.2", "ECDHE-ECDSA-AES128-CCM", 0, "AES-128-CCM"),
    ("tls12-aes256-ccm", "1.2", "ECDHE-ECDSA-AES256-CCM", 0, "AES-256-CCM"),
    ("tls12-aes128-ccm8", "1.2", "ECDHE-ECDSA-AES128-CCM8", 0, "AES-128-CCM_8"),
    ("tls12-aes256-ccm8", "1.2", "ECDHE-ECDSA-AES256-CCM8", 0, "AES-256-CCM_8"),
    ("tls12-aes128-cbc-sha", "1.2", "ECDHE-RSA-AES128-SHA", 0, "AES-128-CBC with SHA-1, encrypt-then-MAC"),
    ("tls12-aes128-cbc-sha256", "1.2", "ECDHE-RSA-AES128-SHA256", 0, "AES-128-CBC with SHA-256, encrypt-then-MAC"),
    ("tls12-aes256-cbc-sha384", "1.2", "ECDHE-RSA-AES256-SHA384", 0, "AES-256-CBC with SHA-384, encrypt-then-MAC"),
    ("tls12-aes128-cbc-sha-mac-then-encrypt", "1.2", "ECDHE-RSA-AES128-SHA", NO_ENCRYPT_THEN_MAC, "AES-128-CBC with SHA-1, MAC then encrypt"),
    ("tls12-aes128-cbc-sha256-mac-then-encrypt", "1.2", "ECDHE-RSA-AES128-SHA256", NO_ENCRYPT_THEN_MAC, "AES-128-CBC with SHA-256, MAC then encrypt"),
    ("tls12-aes256-cbc-sha384-mac-then-encrypt", "1.2", "ECDHE-RSA-AES256-SHA384", NO_ENCRYPT_THEN_MAC, "AES-256-CBC with SHA-384, MAC then encrypt"),
    ("tls12-no-extended-master-secret", "1.2", "ECDHE-RSA-AES128-GCM-SHA256", NO_EXTENDED_MASTER_SECRET, "AES-128-GCM without the extended master secret"),
    ("tls12-rsa-key-exchange", "1.2", "AES128-GCM-SHA256", 0, "AES-128-GCM with RSA key exchange"),
    ("tls13-aes256-gcm", "1.3", None, 0, "AES-256-GCM (the library's default)"),
]


async def converse(run, contexts_, uri="wss://localhost:9443/secure", port=9443, long=False, host="127.0.0.1", **options):
    server_context, client_context = contexts_
    async with server(run, echo, port=port, host=host, ssl=server_context):
        async with client(run, uri, ssl=client_context, **options) as c:
            for n in range(3):
                await c.send(f"secret message {n}: " + "the same words " * 4)
                await c.recv()
            await c.send(b"\x00\x01\xfe\xff" * (6000 if long else 8))
            await c.recv()
            await (await c.ping(b"secret ping"))
            await settle()
            await c.close(1000, "done")
        await settle(0.1)


for name, version, ciphers, options, says in SUITES:
    @sample(f"wss-{name}.pcapng", programs=PROGRAMS, shows=f"TLS {version}, {says}")
    async def suite(run, version=version, ciphers=ciphers, options=options):
        await converse(run, contexts(run, version, ciphers, options), long=ciphers is None)


@sample("wss-tls13-hello-retry.pcapng", programs=PROGRAMS, shows="TLS 1.3 with a HelloRetryRequest: the server takes secp384r1 only")
async def hello_retry(run):
    await converse(run, contexts(run, curve="secp384r1"))


@sample("wss-long-messages.pcap.gz", programs=PROGRAMS, mtu=1500,
        shows="TLS 1.3, messages of 30000 bytes: frames over several records and segments; gzip")
async def long_messages(run):
    server_context, client_context = contexts(run)
    async with server(run, echo, port=9443, ssl=server_context, **PLAIN):
        async with client(run, "wss://localhost:9443/", ssl=client_context, **PLAIN) as c:
            await c.send("thirty thousand characters " * 1112)
            await c.recv()
            for n in range(20):
                await c.send(f"short {n}")
            for n in range(20):
                await c.recv()


@sample("wss-two-connections-one-key.pcapng", programs=PROGRAMS,
        partial="the key log lacks the secrets of the second connection",
        shows="two connections, and a key log that has the secrets of the first only, with a malformed line and a comment")
async def one_key(run):
    for wanted in (True, False):
        server_context, client_context = contexts(run, log_keys=wanted)
        async with server(run, echo, port=9443, ssl=server_context, **PLAIN):
            async with client(run, "wss://localhost:9443/", ssl=client_context, **PLAIN) as c:
                await c.send("with a key" if wanted else "without a key")
                await c.recv()
            await settle()
    with open(run.keys, "a") as file:
        file.write("CLIENT_TRAFFIC_SECRET_0 this line is damaged\n# and this one is a comment\n")


def injected(run):
    """Move the secrets into the capture as a Decryption Secrets Block."""
    path = run.path(None)
    plain = path.with_suffix(".plain")
    path.rename(plain)
    subprocess.run(["editcap", "--inject-secrets", f"tls,{run.keys}", str(plain), str(path)], check=True)
    plain.unlink()
    run.keys.unlink()


@sample("wss-secrets-inside.pcapng", programs=[*PROGRAMS, "editcap"], after=injected,
        shows="TLS 1.3 with the secrets in a Decryption Secrets Block of the file (editcap --inject-secrets): no key log needed")
async def secrets_inside(run):
    await converse(run, contexts(run))


@sample("wss-keys-of-server.pcapng", programs=PROGRAMS, shows="TLS 1.2, the key log was written by the server")
async def keys_of_server(run):
    server_context, client_context = contexts(run, "1.2", log_keys=False)
    server_context.keylog_filename = str(run.keys)
    await converse(run, (server_context, client_context))


# --- Node -------------------------------------------------------------------------------------------------------------


def text(by, value):
    return {"by": by, "kind": "text", "text": value}


STEPS = [text("client", "secret words"), text("server", "secret answer"), {"by": "client", "kind": "ping", "text": "ping"},
         {"by": "server", "kind": "close", "code": 1000, "reason": "done"}]


def node_pair(run, tls, connections=1, **more):
    where = lab.certificates()
    scenario = {"port": 9444, "server": {"perMessageDeflate": True}, "connections": [{"client": {}, "steps": STEPS}] * connections,
                "tls": {"key": str(where / "localhost.key"), "cert": str(where / "localhost.pem"), "keylog": str(run.keys), **tls}, **more}
    run.node("ws_pair.mjs", json.dumps(scenario))


for name, suite_name in (("aes128-gcm", "TLS_AES_128_GCM_SHA256"), ("chacha20-poly1305", "TLS_CHACHA20_POLY1305_SHA256"),
                         ("aes128-ccm", "TLS_AES_128_CCM_SHA256"), ("aes128-ccm8", "TLS_AES_128_CCM_8_SHA256")):
    @sample(f"wss-tls13-{name}.pcapng", programs=["ws", "Node.js"], shows=f"TLS 1.3, {suite_name}, npm ws on both ends")
    def node_suite(run, suite_name=suite_name):
        # Setting the list by hand keeps Node's own order out of it.
        node_pair(run, {"client": {"ciphers": suite_name}, "server": {"ciphers": suite_name, "minVersion": "TLSv1.3"}})


@sample("wss-resumption-tls12-ticket.pcapng", programs=["ws", "Node.js"], shows="TLS 1.2: a full handshake, then two resumed with a session ticket")
def ticket(run):
    node_pair(run, {"resume": True, "client": {"maxVersion": "TLSv1.2"}, "server": {}}, connections=3)


@sample("wss-resumption-tls12-id.pcapng", programs=["ws", "Node.js"], shows="TLS 1.2: a full handshake, then two resumed by session id")
def session_id(run):
    node_pair(run, {"resume": True, "storeSessions": True, "client": {"maxVersion": "TLSv1.2"}, "server": {}}, connections=3)


@sample("wss-resumption-tls13-psk.pcapng", programs=["ws", "Node.js"], shows="TLS 1.3: a full handshake, then two with the pre-shared key of a ticket")
def psk(run):
    node_pair(run, {"resume": True, "client": {}, "server": {}}, connections=3)


# --- openssl s_client and s_server as the TLS ends -----------------------------------------------------------------------


class Piped:
    """Sans-IO `websockets` endpoints whose bytes go through `openssl s_client` and `openssl s_server`."""

    def __init__(self, run, port, client_options=(), server_options=(), quiet=True):
        where = lab.certificates()
        self.run = run
        self.server = subprocess.Popen(
            ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert", where / "localhost.pem", "-key", where / "localhost.key",
             "-quiet", *server_options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        while not lab.listening(port):
            time.sleep(0.02)
        self.command = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", "localhost", "-keylogfile", run.keys,
                        *(["-quiet", "-no_ign_eof"] if quiet else ["-brief"]), *client_options]
        self.port = port

    def open(self, early=False):
        """Start the client's TLS; with `early` the request goes as 0-RTT data."""
        self.ends = {"client": ClientProtocol(parse_uri(f"wss://localhost:{self.port}/")), "server": ServerProtocol()}
        for name, end in self.ends.items():
            self.run.log.tap(name, end)
        self.ends["client"].send_request(self.ends["client"].connect())
        command = self.command
        if early:
            request = self.run.work / "early"
            request.write_bytes(b"".join(self.ends["client"].data_to_send()))
            command = [*command, "-early_data", request]
        self.client = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.pipes = {"client": (self.client.stdin, self.server.stdout), "server": (self.server.stdin, self.client.stdout)}
        for _, output in self.pipes.values():
            os.set_blocking(output.fileno(), False)
        if not early:
            self.send("client")
        else:
            self.receive("server")
        request = next(e for e in self.ends["server"].events_received() if type(e).__name__ == "Request")
        self.ends["server"].send_response(self.ends["server"].accept(request))
        self.send("server")

    def send(self, name):
        entry, _ = self.pipes[name]
        entry.write(b"".join(self.ends[name].data_to_send()))
        entry.flush()
        self.receive("server" if name == "client" else "client")

    def receive(self, name):
        """Read what has come for `name` until nothing has come for a while."""
        output = self.pipes["server" if name == "client" else "client"][1]
        idle = 0
        got = False
        while idle < (6 if got else 60):
            chunk = output.read()
            if chunk:
                self.ends[name].receive_data(chunk)
                got, idle = True, 0
            else:
                idle += 1
                time.sleep(0.02)

    def say(self, name, text):
        self.ends[name].send_text(text.encode())
        self.send(name)

    def command_line(self, name, letter):
        """An interactive command of s_client (`K` key update, `R` renegotiate): only when it was started without -quiet."""
        self.pipes[name][0].write(letter + b"\n")
        self.pipes[name][0].flush()
        time.sleep(0.2)

    def close(self):
        self.ends["client"].send_close(1000, "done")
        self.send("client")
        self.send("server")
        self.client.stdin.close()
        self.client.wait(timeout=5)

    def end(self):
        self.server.terminate()
        self.server.wait()


@sample("wss-tls13-key-update.pcapng", programs=PROGRAMS, shows="TLS 1.3 with key updates: by the client alone, and by the client asking the server for one too")
def key_update(run):
    pipes = Piped(run, 9445, quiet=False)
    pipes.open()
    for letter in (b"k", b"K", b"K"):
        pipes.say("client", "before an update of the keys")
        pipes.say("server", "the answer")
        pipes.command_line("client", letter)
    pipes.say("client", "after the updates")
    pipes.say("server", "the last answer")
    pipes.close()
    pipes.end()


@sample("wss-tls12-renegotiation.pcapng", programs=PROGRAMS, shows="TLS 1.2 with a renegotiation asked for by the client between two messages")
def renegotiation(run):
    pipes = Piped(run, 9445, client_options=["-tls1_2"], server_options=["-client_renegotiation"], quiet=False)
    pipes.open()
    pipes.say("client", "before")
    pipes.say("server", "the answer")
    pipes.command_line("client", b"R")
    pipes.say("client", "after")
    pipes.say("server", "the second answer")
    pipes.close()
    pipes.end()


@sample("wss-tls13-early-data.pcapng", programs=PROGRAMS, shows="TLS 1.3: a connection that gets a ticket, then one that sends the upgrade request as 0-RTT data")
def early_data(run):
    session = run.work / "session"
    pipes = Piped(run, 9445, client_options=["-sess_out", session], server_options=["-early_data"])
    for early in (False, True):
        if early:
            pipes.command[pipes.command.index("-sess_out")] = "-sess_in"
        pipes.open(early)
        pipes.say("client", "with early data" if early else "first visit")
        pipes.say("server", "welcome")
        pipes.close()
        time.sleep(0.2)
    pipes.end()


# --- in front of and behind other programs -------------------------------------------------------------------------------


@sample("wss-chromium.pcapng", programs=["Chromium", "websockets"], bpf="tcp port 9446",
        shows="a page in Chromium over TLS 1.3 (SSLKEYLOGFILE): GREASE, session tickets, several connections")
async def chromium(run):
    server_context, _ = contexts(run, log_keys=False)
    async with server(run, echo, port=9446, subprotocols=["lab.v1"], ssl=server_context):
        await browse(run, "wss://localhost:9446", ["chat", "close"], flags=["--ignore-certificate-errors"],
                     environment={"SSLKEYLOGFILE": str(run.keys)})


@sample("wss-through-connect.pcapng", programs=["Squid", "websockets", "OpenSSL"], legs={"client": "tcp port 3128", "server": "tcp port 9443"}, key_legs=("client", "server"),
        shows="wss through an explicit proxy: CONNECT to Squid, then TLS 1.3 and the upgrade in the tunnel (`proxies/squid-tls.conf`)")
async def through_connect(run):
    proxies.squid(run, "squid-tls")
    await converse(run, contexts(run), "wss://127.0.0.3:9443/", host="127.0.0.3", proxy="http://127.0.0.2:3128")


async def terminated(run, version):
    _, client_context = contexts(run, version, alpn=["http/1.1"])
    async with server(run, echo, host="127.0.0.3", port=9000):
        async with client(run, "wss://127.0.0.2:8443/chat", ssl=client_context) as c:
            for n in range(3):
                await c.send(f"encrypted up to the proxy {n}")
                await c.recv()
            await (await c.ping(b"?"))
            await c.close(1000, "done")
        await settle(0.1)


TLS_LEGS = {"client": "tcp port 8443", "server": "tcp port 9000"}


@sample("nginx-tls.pcapng", programs=["nginx", "websockets"], legs=TLS_LEGS,
        shows="nginx terminates TLS 1.2 and speaks plain HTTP to the server (`proxies/nginx-tls.conf`)")
async def nginx_tls(run):
    lab.certificates()
    proxies.nginx(run, "nginx-tls", port=8443)
    await terminated(run, "1.2")


@sample("nginx-tls-no-upgrade.pcapng", programs=["nginx", "websockets"], legs=TLS_LEGS, expect={
            "client": [(1, "nginx did not pass Upgrade and Connection on, so the server saw an ordinary request and refused it (426)",
                        "upgrade-not-forwarded", "http-status")],
            "server": [(1, "the request came from nginx without Upgrade and Connection: upgrade", "upgrade-not-forwarded", "http-status")]},
        shows="nginx terminates TLS 1.2 without the Upgrade and Connection lines (`proxies/nginx-tls-no-upgrade.conf`): the server answers 426")
async def nginx_tls_no_upgrade(run):
    lab.certificates()
    proxies.nginx(run, "nginx-tls-no-upgrade", port=8443)
    _, client_context = contexts(run, "1.2", alpn=["http/1.1"])
    async with server(run, echo, host="127.0.0.3", port=9000):
        try:
            await client(run, "wss://127.0.0.2:8443/chat", ssl=client_context)
        except InvalidStatus as error:
            print(f"  the client says: {error}")
        else:
            raise SystemExit(f"{run.name}: the attempt was meant to fail")
        await settle(0.2)


@sample("haproxy-tls.pcapng", programs=["HAProxy", "websockets"], legs=TLS_LEGS,
        shows="HAProxy terminates TLS 1.3 and speaks plain HTTP to the server (`proxies/haproxy-tls.cfg`)")
async def haproxy_tls(run):
    lab.certificates()
    proxies.haproxy(run, "haproxy-tls", port=8443)
    await terminated(run, "1.3")


if __name__ == "__main__":
    lab.main("tls")
