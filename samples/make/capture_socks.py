"""SOCKS 4, 4a and 5 with real servers and clients: tunnels that carry a WebSocket, and every way in which they are refused."""

import asyncio
import os
import subprocess

import lab

lab.enter()

from websockets.exceptions import ConnectionClosed, InvalidHandshake, ProxyError

import proxies
from lab import sample
from python_endpoints import PLAIN, client, echo, server, settle
from secure import contexts

PORT = 1080
LEGS = {"client": f"tcp port {PORT}", "server": "tcp port 9000"}
WORKS = [(1, "the tunnel opens and the WebSocket works", "healthy", None)]
UPGRADE = ["-H", "Connection: Upgrade", "-H", "Upgrade: websocket", "-H", "Sec-WebSocket-Version: 13", "-H", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]


def names(run, **hosts):
    """Names that only this sample's namespace knows."""
    path = run.work / "hosts"
    path.write_text("127.0.0.1 localhost\n" + "".join(f"{address} {name}\n" for name, address in hosts.items()))
    subprocess.run(["mount", "--bind", str(path), "/etc/hosts"], check=True)


def dante(run):
    return run.spawn("/usr/sbin/danted", "-N", "1", "-f", proxies.CONF / "dante.conf", port=PORT)


def microsocks(run, *options, address="127.0.0.2"):
    return run.spawn("microsocks", "-i", address, "-p", PORT, *options, port=PORT)


def ssh(run):
    """`ssh -D`: an OpenSSH client that serves SOCKS 4, 4a and 5 and carries on through an OpenSSH server."""
    key, host = run.work / "key", run.work / "host"
    for path in (key, host):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)
    os.makedirs("/run/sshd", exist_ok=True)
    (run.work / "authorized").write_bytes(key.with_suffix(".pub").read_bytes())
    run.work.chmod(0o755)
    run.spawn("/usr/sbin/sshd", "-D", "-e", "-f", "/dev/null", "-h", host, "-p", 2222, "-o", "ListenAddress=127.0.0.3", "-o", f"AuthorizedKeysFile={run.work}/authorized",
              "-o", "StrictModes=no", "-o", "UsePAM=no", "-o", "PermitRootLogin=yes", port=2222)
    return run.spawn("ssh", "-N", "-D", f"127.0.0.2:{PORT}", "-F", "/dev/null", "-i", key, "-p", 2222, "-o", "StrictHostKeyChecking=no",
                     "-o", "UserKnownHostsFile=/dev/null", "root@127.0.0.3", port=PORT)


def curl(run, *options, uri="http://127.0.0.3:9000/chat"):
    """An upgrade by curl; returns what it says."""
    done = subprocess.run(["curl", "-sS", "--http1.1", "-i", "-N", "-m", "1", *UPGRADE, *options, uri], capture_output=True, timeout=20)
    said = (done.stderr.decode(errors="replace").strip() or done.stdout.split(b"\r\n")[0].decode()).splitlines()[0]
    run.says("client (curl)", said)
    return done.stdout


async def talk(run, uri, proxy, **options):
    async with client(run, uri, proxy=proxy, **PLAIN, **options) as c:
        await c.send("through a tunnel")
        await c.recv()
    await settle(0.2)


async def refused(run, uri, proxy):
    try:
        async with client(run, uri, proxy=proxy, open_timeout=4, **PLAIN):
            raise SystemExit(f"{run.name}: the attempt was meant to fail")
    except (InvalidHandshake, ProxyError, OSError, TimeoutError, EOFError) as error:
        run.says("client (websockets)", f"{type(error).__name__}: {error}; {error.__cause__ or ''}".rstrip("; "))
    await settle(0.2)


# --- tunnels that open ------------------------------------------------------------------------------------------------


@sample("socks5-name.pcapng", programs=["microsocks", "websockets", "python-socks"], legs=LEGS, expect=WORKS,
        shows="SOCKS 5 without authentication, the server by its name: the proxy (microsocks) resolves it")
async def name(run):
    names(run, **{"chat.example": "127.0.0.3"})
    microsocks(run)
    async with server(run, echo, host="127.0.0.3", port=9000, **PLAIN):
        await talk(run, "ws://chat.example:9000/chat", "socks5h://127.0.0.2:1080")


@sample("socks5-password.pcapng", programs=["microsocks", "websockets", "python-socks"], legs=LEGS, expect=WORKS,
        shows="SOCKS 5 with user name and password (RFC 1929), the server by its IPv4 address")
async def password(run):
    microsocks(run, "-u", "alice", "-P", "open sesame")
    async with server(run, echo, host="127.0.0.3", port=9000, **PLAIN):
        await talk(run, "ws://127.0.0.3:9000/chat", "socks5://alice:open%20sesame@127.0.0.2:1080")


@sample("socks5-ipv6.pcapng", programs=["microsocks", "websockets", "python-socks"], legs={"client": f"tcp port {PORT}", "server": "tcp port 9000"}, expect=WORKS,
        shows="SOCKS 5 over IPv6 to an IPv6 address")
async def ipv6(run):
    microsocks(run, address="::1")
    async with server(run, echo, host="::1", port=9000, **PLAIN):
        await talk(run, "ws://[::1]:9000/chat", "socks5://[::1]:1080")


@sample("socks5-tls.pcapng", programs=["dante", "websockets", "python-socks", "OpenSSL"], legs=LEGS, expect=WORKS, key_legs=("client", "server"),
        shows="SOCKS 5 (`proxies/dante.conf`), then TLS 1.3 in the tunnel (`wss`); key log")
async def tls(run):
    dante(run)
    server_context, client_context = contexts(run)
    async with server(run, echo, host="127.0.0.3", port=9000, ssl=server_context, **PLAIN):
        await talk(run, "wss://127.0.0.3:9000/chat", "socks5://127.0.0.2:1080", ssl=client_context, server_hostname="localhost")


@sample("socks5-proxy-killed.pcapng", programs=["microsocks", "websockets", "python-socks"], legs=LEGS, log=False, cut_short=True,
        expect=[(1, "the SOCKS server is killed with an open WebSocket; the server behind it is well", "closed-without-close-frame", "close")],
        unsaid=["the server ended"], shows="SOCKS 5 (microsocks), which is killed while a WebSocket is open: both ends see a FIN, and none is at fault")
async def killed(run):
    proxy = microsocks(run)
    async with server(run, echo, host="127.0.0.3", port=9000, **PLAIN):
        async with client(run, "ws://127.0.0.3:9000/chat", proxy="socks5://127.0.0.2:1080", **PLAIN) as c:
            await c.send("through a tunnel")
            await c.recv()
            await settle(0.3)
            proxy.kill()
            try:
                await c.recv()
            except ConnectionClosed as error:
                run.says("client (websockets)", f"{type(error).__name__}: {error}")
    await settle(0.2)


@sample("socks4.pcapng", programs=["dante", "websockets", "python-socks"], legs=LEGS, expect=WORKS, shows="SOCKS 4 with an IPv4 address (`proxies/dante.conf`)")
async def socks4(run):
    dante(run)
    async with server(run, echo, host="127.0.0.3", port=9000, **PLAIN):
        await talk(run, "ws://127.0.0.3:9000/chat", "socks4://127.0.0.2:1080")


@sample("socks4a-ssh.pcapng", programs=["OpenSSH", "websockets", "python-socks"], legs=LEGS, expect=WORKS,
        shows="SOCKS 4a with a name, served by `ssh -D`")
async def socks4a(run):
    names(run, **{"chat.example": "127.0.0.3"})
    ssh(run)
    async with server(run, echo, host="127.0.0.3", port=9000, **PLAIN):
        await talk(run, "ws://chat.example:9000/chat", "socks4a://127.0.0.2:1080")


# --- tunnels that do not ----------------------------------------------------------------------------------------------


@sample("socks5-refusals.pcapng", programs=["dante", "curl"], bpf=f"tcp port {PORT}", log=False,
        expect=[(1, "the SOCKS server's rules do not allow port 9010 (reply 2, not allowed)", "socks-refused", "connect"),
                (2, "the SOCKS server cannot connect: nothing listens on the port (reply 5, connection refused)", "socks-unreachable", "connect"),
                (3, "the SOCKS server cannot reach the host (reply 4, host unreachable)", "socks-unreachable", "connect"),
                (4, "the SOCKS server has no route to the network (reply 3, network unreachable)", "socks-unreachable", "connect"),
                (5, "the SOCKS server cannot resolve the name (reply 4, host unreachable)", "socks-unreachable", "connect")],
        shows="curl through Dante (`proxies/dante.conf`): a port its rules forbid, a port without a listener, a host and a network without a route, a name that does not exist")
def refusals(run):
    names(run)
    subprocess.run(["ip", "route", "add", "unreachable", "10.99.0.0/24"], check=True)
    dante(run)
    for uri in ("http://127.0.0.3:9010/chat", "http://127.0.0.3:9999/chat", "http://10.99.0.1:9000/chat", "http://192.0.2.1:9000/chat"):
        curl(run, "--socks5", "127.0.0.2:1080", uri=uri)
    curl(run, "-m", "15", "--socks5-hostname", "127.0.0.2:1080", uri="http://chat.invalid:9000/chat")


@sample("socks5-authentication.pcapng", programs=["microsocks", "websockets", "python-socks", "curl"], bpf=f"tcp port {PORT}", log=False,
        expect=[(1, "the SOCKS server asks for a user name and password, the client offers none (method FF)", "socks-refused", "connect"),
                (2, "the password for the SOCKS server is wrong", "socks-refused", "connect"),
                (3, "with the right password nothing listens behind (reply 5)", "socks-unreachable", "connect")],
        shows="microsocks with a password: a client without one, a client with a wrong one, and one with the right one to a port without a listener")
async def authentication(run):
    microsocks(run, "-u", "alice", "-P", "secret")
    await refused(run, "ws://127.0.0.3:9000/chat", "socks5://127.0.0.2:1080")
    await refused(run, "ws://127.0.0.3:9000/chat", "socks5://alice:wrong@127.0.0.2:1080")
    await asyncio.to_thread(curl, run, "--socks5", "alice:secret@127.0.0.2:1080")


@sample("socks4-refusals.pcapng", programs=["dante", "curl"], bpf=f"tcp port {PORT}", log=False,
        expect=[(1, "the SOCKS 4 server rejects: its rules do not allow port 9010 (code 91)", "socks-refused", "connect"),
                (2, "the SOCKS 4 server could not connect: nothing listens (code 91)", "socks-refused", "connect")], also=["socks-unreachable"],
        shows="curl through Dante with SOCKS 4: a forbidden port and one without a listener, both code 91")
def socks4_refusals(run):
    dante(run)
    for port in (9010, 9999):
        curl(run, "--socks4", "127.0.0.2:1080", uri=f"http://127.0.0.3:{port}/chat")


@sample("socks5-ssh-closes.pcapng", programs=["OpenSSH", "websockets", "python-socks"], bpf=f"tcp port {PORT}", log=False,
        expect=[(1, "nothing listens behind ssh -D, which then closes the connection without a reply", "socks-unreachable", "connect")],
        also=["socks-refused", "connect-unanswered", "closed-without-answer"],
        shows="`ssh -D` to a port without a listener: it closes without a reply")
async def ssh_closes(run):
    ssh(run)
    await refused(run, "ws://127.0.0.3:9999/chat", "socks5://127.0.0.2:1080")


@sample("socks-to-http-proxy.pcapng", programs=["Squid", "websockets", "python-socks"], bpf="tcp port 3128", log=False,
        expect=[(1, "the client speaks SOCKS 5 to Squid, an HTTP proxy, which waits for the rest of a request and says nothing", "connect-unanswered", "connect")],
        also=["socks-refused", "socks-unreachable", "connect-unsupported", "not-http"],
        shows="SOCKS 5 spoken to an HTTP proxy (Squid), which waits; the client gives up")
async def to_http(run):
    proxies.squid(run, "squid-right")
    await refused(run, "ws://127.0.0.3:9000/chat", "socks5://127.0.0.2:3128")


@sample("connect-to-socks.pcapng", programs=["microsocks", "websockets"], bpf=f"tcp port {PORT}", log=False,
        expect=[(1, "the client sends CONNECT to a SOCKS server, which is no HTTP proxy: it closes", "connect-unsupported", "connect")],
        also=["connect-unanswered", "not-http", "closed-without-answer"], shows="an HTTP CONNECT sent to a SOCKS server (microsocks): it closes")
async def to_socks(run):
    microsocks(run)
    await refused(run, "ws://127.0.0.3:9000/chat", "http://127.0.0.2:1080")


if __name__ == "__main__":
    lab.main("tunnels")
