"""WebSockets over HTTP/3 between implementations: quinn and h3 (Rust) at both ends, and at one end with aioquic at the other."""

import asyncio
import json
import os
import subprocess

import lab

lab.enter()

from certificates import Authority
from http3_endpoints import bad_link, client as aioquic_client, server as aioquic_server
from lab import sample
from python_endpoints import settle
from wsproto.events import Ping

PORT = 4433
NO_CLOSE = "closed-without-close-frame"
QUINN = ["quinn", "h3", "tungstenite"]


def quic(name, shows, **options):
    return sample(f"{name}.pcapng", **{"programs": QUINN, "bpf": f"udp port {PORT}", "shows": shows, **options})


def program():
    built = subprocess.run([lab.MAKE / "endpoints/quinn/build", lab.LAB / "quinn"], check=True, capture_output=True, text=True)
    return built.stdout.strip()


class Pair:
    """quinn's server and client, and the certificates they trust."""

    def __init__(self, run, idle=None):
        self.run, self.program, self.servers = run, program(), []
        Authority(run.work).issue("server")
        self.environment = {"IDLE": str(idle)} if idle else {}

    def server(self, *options):
        certificate = [self.run.work / "server.pem", self.run.work / "server.key"]
        started = self.run.spawn(self.program, "server", PORT, *certificate, *options, ready="listening", environment=self.environment)
        self.servers.append(started)

    async def client(self, part, port=PORT):
        environment = {**os.environ, **self.environment, "SSLKEYLOGFILE": str(self.run.keys)}
        command = [self.program, "client", str(port), str(self.run.work / "authority.pem"), part]
        process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, env=environment)
        said, _ = await asyncio.wait_for(process.communicate(), 40)
        # Each client counts its own from 1.
        before = self.run.log.opened["client"]
        lines = [json.loads(line) for line in said.decode().splitlines() if line.startswith("{")]
        for line in lines:
            line["connection"] += before
            self.run.log.opened["client"] = max(self.run.log.opened["client"], line["connection"])
        self.run.log.take("\n".join(map(json.dumps, lines)))

    def heard(self):
        """What the servers logged, which end here."""
        self.run.end_processes()
        for server in self.servers:
            self.run.log.take(server.output.read_text())


def between(name, part, shows, *options, **more):
    @quic(f"h3-quinn-{name}", shows, **more)
    async def made(run):
        pair = Pair(run)
        pair.server(*options)
        await pair.client(part)
        await settle(0.3)
        pair.heard()


between("hello", "hello", "another implementation at both ends: a GET, a WebSocket; the fixed bit of QUIC packets is clear in half of them (RFC 9287), the path's MTU is probed")
between("key-update", "key-update", "another implementation: four key updates while a WebSocket is open")
between("migration", "migration", "another implementation: the client goes on from another port twice")
between("early-data", "early-data", "another implementation: the extended CONNECT of a second connection is 0-RTT data")
between("retry", "hello", "another implementation: Retry", "retry")
between("offload", "flood=6", "captured where it is sent: the kernel hands many datagrams of one length on as one (UDP segmentation offload)")
between("cancelled", "cancel", "another implementation: the client cancels a WebSocket's stream (H3_REQUEST_CANCELLED) without a close frame", cut_short=True, unsaid=["101"],
        expect=[(1, "the client cancels the stream (RESET_STREAM, H3_REQUEST_CANCELLED) in the middle of a conversation, without a close frame", "stream-reset", "close")])
@quic("h3-quinn-idle-timeout", "another implementation: nobody says anything for longer than both agreed on, and both forget the connection; a second one goes on", cut_short=True, unsaid=["101"],
      expect=[(1, "QUIC's idle time-out of two seconds ends the connection: nobody sends anything after the client's first message", "idle-timeout", "life"),
              (2, "the second connection works and is closed as it should", "healthy", None)])
async def idle(run):
    pair = Pair(run, idle=2)
    pair.server()
    await pair.client("/mute")
    await pair.client("hello")
    await settle(0.3)
    pair.heard()


@quic("h3-quinn-loss", "another implementation, captured at the client of a bad link: 8 % of the packets lost, a fifth of them late", legs={None: "udp port 4434"})
async def loss(run):
    pair = Pair(run)
    pair.server()
    async with bad_link(4434, PORT, seed=2):
        await pair.client("streams", 4434)
    pair.heard()


@quic("h3-quinn-stateless-reset", "the server is killed and started again: what the client goes on with is answered by a stateless reset", cut_short=True, unsaid=["101"],
      expect=[(1, "the server has forgotten the connection (it was started again) and answers the client's next packet with a stateless reset", "stream-reset", "close", ["closed-after-handshake", NO_CLOSE])])
async def stateless_reset(run):
    pair = Pair(run)
    pair.server()
    asking = asyncio.ensure_future(pair.client("/die"))
    while pair.servers[0].poll() is None:
        await asyncio.sleep(0.02)
    pair.server()
    await asking
    await settle(0.3)
    pair.heard()


@quic("h3-aioquic-to-quinn", "a client of one implementation and a server of another: keys are updated, the client moves", programs=["aioquic", *QUINN])
async def to_quinn(run):
    pair = Pair(run)
    pair.server()
    async with aioquic_client(run, PORT) as c:
        one, two = await c.websocket("/first", protocol="lab.v1"), await c.websocket("/second")
        for n in range(3):
            await one.say(f"on the first stream {n}")
            c.request_key_update()
            await two.say(bytes([n]) * 2000)
            await c.rebind()
        two.send(Ping(payload=b"h3 ping"))
        await two.hear()
        await one.close(1000, "done")
        await two.close()
        await settle(0.2)
    pair.heard()


@quic("h3-quinn-to-aioquic", "the same the other way round, with QPACK's dynamic table in the answers", programs=["aioquic", *QUINN])
async def to_aioquic(run):
    pair = Pair(run)
    async with aioquic_server(run, PORT, certificate=str(run.work / "server")):
        await pair.client("streams")
        await settle(0.2)


if __name__ == "__main__":
    lab.main("http3")
