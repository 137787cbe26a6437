"""Proxies set up so that WebSockets fail: each captured on both sides, with the true cause in its `.expect.json`."""

import asyncio
import contextlib
import http.client
import socket
import subprocess
import threading

import lab

lab.enter()

from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidProxy

import proxies
from drafts import hixie_76
from lab import sample
from proxies import LEGS
from python_endpoints import PLAIN, client, echo, server, settle

HEAD_END = b"\r\n\r\n"
SQUID_LEGS = {"client": "tcp port 3128", "server": "tcp port 9000"}
URI = "ws://127.0.0.2:8080/chat"


async def refused(run, uri=URI, **options):
    """An attempt that must fail in the handshake."""
    async with server(run, echo, host="127.0.0.3", port=9000):
        await attempt(run, uri, **options)
        await settle(0.2)


async def attempt(run, uri=URI, **options):
    try:
        c = await client(run, uri, **options)
    except (InvalidHandshake, InvalidProxy, OSError, TimeoutError, EOFError) as error:
        print(f"  the client says: {type(error).__name__}: {error}")
    else:
        await c.close()
        raise SystemExit(f"{run.name}: the attempt was meant to fail")


def stripped(proxy):
    """What both legs show when a reverse proxy keeps the upgrade to itself."""
    return {
        "client": [(1, f"{proxy} did not pass Upgrade and Connection on, so the server saw an ordinary request and refused it (426)",
                    "upgrade-not-forwarded", "http-status")],
        "server": [(1, f"the request came from {proxy} without Upgrade and Connection: upgrade", "upgrade-not-forwarded", "http-status")],
    }


@sample("nginx-no-upgrade.pcapng", programs=["nginx", "websockets"], legs=LEGS, expect=stripped("nginx"),
        shows="nginx without the Upgrade and Connection lines (`proxies/nginx-no-upgrade.conf`): the server answers 426")
async def nginx_no_upgrade(run):
    proxies.nginx(run, "nginx-no-upgrade")
    await refused(run)


@sample("nginx-http10.pcapng", programs=["nginx", "websockets"], legs=LEGS, expect={
            "client": [(1, "nginx speaks HTTP/1.0 to the server, where no upgrade is possible (proxy_http_version 1.1 is missing)",
                        "http-version-too-old", "http-status")],
            "server": [(1, "the upgrade request came in HTTP/1.0; RFC 6455 asks for 1.1 or later", "http-version-too-old", "http-status")]},
        shows="nginx without proxy_http_version 1.1 (`proxies/nginx-http10.conf`): an HTTP/1.0 request reaches the server")
async def nginx_http10(run):
    proxies.nginx(run, "nginx-http10")
    await refused(run)


async def idle(run, pauses):
    """Connections that talk for different times and then fall silent until somebody ends them."""

    async def talk(pause):
        c = await client(run, URI, **PLAIN)
        for n in range(3):
            await c.send(f"message {n}")
            await c.recv()
            await settle(pause)
        with contextlib.suppress(ConnectionClosed):
            await c.recv()
        await c.wait_closed()

    async with server(run, echo, host="127.0.0.3", port=9000, **PLAIN):
        for_each = []
        for pause in pauses:
            for_each.append(asyncio.create_task(talk(pause)))
            await settle(0.15)
        await asyncio.gather(*for_each)
        await settle(0.2)


def idle_expectation(proxy, setting):
    rows = [(n, f"{proxy} ended the connection after 2 s of silence ({setting})", "idle-timeout", "life") for n in range(1, 5)]
    return {"client": rows, "server": rows}


@sample("nginx-idle-timeout.pcapng", programs=["nginx", "websockets"], legs=LEGS, cut_short=True,
        expect=idle_expectation("nginx", "proxy_read_timeout 2s"),
        shows="nginx with proxy_read_timeout 2s (`proxies/nginx-idle-timeout.conf`): four connections of different ages, each ended after 2 s of silence")
async def nginx_idle(run):
    proxies.nginx(run, "nginx-idle-timeout")
    await idle(run, (0.05, 0.3, 0.6, 0.9))


async def listen(c):
    """A server that answers each connection's first message and nothing after it."""
    await c.send(await c.recv())
    async for _ in c:
        pass


async def one_sided(run, lengths):
    """Connections whose client goes on talking for different times while the server is silent, and then falls silent, too."""

    async def talk(length):
        c = await client(run, URI, **PLAIN)
        await c.send("a question")
        await c.recv()
        with contextlib.suppress(ConnectionClosed):
            for n in range(length):
                await settle(0.5)
                await c.send(f"still here {n}")
            await c.recv()
        await c.wait_closed()

    async with server(run, listen, host="127.0.0.3", port=9000, **PLAIN):
        for_each = []
        for length in lengths:
            for_each.append(asyncio.create_task(talk(length)))
            await settle(0.15)
        await asyncio.gather(*for_each)
        await settle(0.2)


@sample("nginx-server-silent.pcapng", programs=["nginx", "websockets"], legs=LEGS, cut_short=True,
        expect=idle_expectation("nginx", "proxy_read_timeout 2s"),
        shows="nginx with proxy_read_timeout 2s (`proxies/nginx-idle-timeout.conf`) and a server that is silent while the client goes on")
async def nginx_server_silent(run):
    proxies.nginx(run, "nginx-idle-timeout")
    await one_sided(run, (1, 6, 8, 12))


@sample("haproxy-tunnel-timeout.pcapng", programs=["HAProxy", "websockets"], legs=LEGS, cut_short=True,
        expect=idle_expectation("HAProxy", "timeout tunnel 2s"),
        shows="HAProxy with timeout tunnel 2s (`proxies/haproxy-tunnel-timeout.cfg`): four connections of different ages, each ended after 2 s of silence")
async def haproxy_idle(run):
    proxies.haproxy(run, "haproxy-tunnel-timeout")
    await idle(run, (0.05, 0.3, 0.6, 0.9))


@sample("haproxy-tcp-timeout.pcapng", programs=["HAProxy", "websockets"], legs=LEGS, cut_short=True,
        expect=idle_expectation("HAProxy", "timeout client and timeout server 2s"),
        shows="HAProxy in tcp mode with time-outs of 2 s (`proxies/haproxy-tcp-timeout.cfg`): four connections of different ages, each ended after 2 s of silence")
async def haproxy_tcp_idle(run):
    proxies.haproxy(run, "haproxy-tcp-timeout")
    await idle(run, (0.05, 0.3, 0.6, 0.9))


@sample("apache-idle-timeout.pcapng", programs=["Apache", "websockets"], legs=LEGS, cut_short=True,
        expect=idle_expectation("Apache", "Timeout 2 and timeout=2"),
        shows="Apache with Timeout 2 and timeout=2 (`proxies/apache-idle-timeout.conf`): four connections of different ages, each ended after 2 s of silence")
async def apache_idle(run):
    proxies.apache(run, "apache-idle-timeout")
    await idle(run, (0.05, 0.3, 0.6, 0.9))


@sample("varnish-idle-timeout.pcapng", programs=["Varnish", "websockets"], legs=LEGS, cut_short=True,
        expect=idle_expectation("Varnish", "pipe_timeout 2"),
        shows="Varnish with `-p pipe_timeout=2` (`proxies/varnish-right.vcl`): four connections of different ages, each ended after 2 s of silence")
async def varnish_idle(run):
    proxies.varnish(run, "varnish-right", "-p", "pipe_timeout=2")
    await idle(run, (0.05, 0.3, 0.6, 0.9))


@sample("haproxy-tcp-server-down.pcapng", programs=["HAProxy", "websockets"], bpf="tcp port 8080",
        expect=[(1, "HAProxy in tcp mode accepted the connection and had no server to pass it to", "closed-without-answer", "http-status")],
        shows="HAProxy in tcp mode (`proxies/haproxy-tcp.cfg`) whose server is down: the connection opens, and is closed when nothing is behind it")
async def haproxy_tcp_down(run):
    proxies.haproxy(run, "haproxy-tcp")
    await attempt(run)


@sample("haproxy-server-down.pcapng", programs=["HAProxy", "websockets"], bpf="tcp port 8080",
        expect=[(1, "HAProxy had no server to send the request to: it answered 503 itself", "server-unavailable", "http-status")],
        shows="HAProxy whose server is down: 503")
async def haproxy_down(run):
    proxies.haproxy(run, "haproxy-right")
    await attempt(run)


@sample("nginx-server-down.pcapng", programs=["nginx", "websockets"], bpf="tcp port 8080",
        expect=[(1, "nginx could not reach the server behind it: it answered 502 itself", "bad-gateway", "http-status")],
        shows="nginx whose server is down: 502")
async def nginx_down(run):
    proxies.nginx(run, "nginx-right")
    await attempt(run)


@sample("apache-no-upgrade.pcapng", programs=["Apache", "websockets"], legs=LEGS, expect=stripped("Apache"),
        shows="Apache mod_proxy_http without upgrade=websocket (`proxies/apache-no-upgrade.conf`): the server answers 426")
async def apache_no_upgrade(run):
    proxies.apache(run, "apache-no-upgrade")
    await refused(run)


def port_forbidden(proxy, setting):
    return {"client": [(1, f"{proxy} refuses CONNECT to port 9000 ({setting})", "connect-port-forbidden", "connect")], "server": None}


@sample("apache-connect-forbidden.pcapng", programs=["Apache", "websockets"], bpf="tcp port 8080",
        expect=port_forbidden("Apache", "AllowCONNECT lacks it")["client"],
        shows="Apache as a forward proxy whose AllowCONNECT lacks the port (`proxies/apache-forward-forbidden.conf`): CONNECT gets 403")
async def apache_forbidden(run):
    proxies.apache(run, "apache-forward-forbidden")
    await attempt(run, "ws://127.0.0.3:9000/chat", proxy="http://127.0.0.2:8080")


@sample("squid-connect-forbidden.pcapng", programs=["Squid", "websockets"], bpf="tcp port 3128",
        expect=port_forbidden("Squid", "http_access deny CONNECT !SSL_ports")["client"],
        shows="Squid with its default rule (CONNECT to 443 only, `proxies/squid-forbidden.conf`): CONNECT to port 9000 gets 403")
async def squid_forbidden(run):
    proxies.squid(run, "squid-forbidden")
    await attempt(run, "ws://127.0.0.3:9000/chat", proxy="http://127.0.0.2:3128")


@sample("squid-authentication.pcapng", programs=["Squid", "websockets"], bpf="tcp port 3128",
        expect=[(1, "Squid asks for credentials (407) and the client has none", "proxy-authentication-required", "connect"),
                (2, "with a user name and a password the tunnel opens and the WebSocket works", "healthy", None)],
        shows="Squid with proxy_auth (`proxies/squid-auth.conf`): CONNECT gets 407; a second client with credentials gets through")
async def squid_authentication(run):
    password = subprocess.run(["openssl", "passwd", "-apr1", "secret"], capture_output=True, text=True, check=True).stdout
    (run.work / "passwords").write_text(f"alice:{password}")
    proxies.squid(run, "squid-auth")
    async with server(run, echo, host="127.0.0.3", port=9000):
        await attempt(run, "ws://127.0.0.3:9000/chat", proxy="http://127.0.0.2:3128")
        # The refused CONNECT was a connection too, though no endpoint of a WebSocket was made for it.
        run.log.opened.update(client=1, server=1)
        async with client(run, "ws://127.0.0.3:9000/chat", proxy="http://alice:secret@127.0.0.2:3128") as c:
            await c.send("with credentials")
            await c.recv()
        await settle(0.1)


@sample("squid-no-connect.pcapng", programs=["Squid", "websockets"], bpf="tcp port 3128",
        expect=[(1, "the upgrade request was sent straight to a forward proxy, without CONNECT before it", "upgrade-without-connect", "http-status")],
        shows="the upgrade sent to Squid as if it were the server, without CONNECT: 400")
async def squid_no_connect(run):
    proxies.squid(run, "squid-right")
    await attempt(run, "ws://127.0.0.2:3128/chat")


@sample("squid-absolute-target.pcapng", programs=["Squid", "websockets"], legs=SQUID_LEGS, expect={
            "client": [(1, "the upgrade was sent through a forward proxy as an ordinary GET, and the proxy dropped Upgrade", "upgrade-not-forwarded", "http-status")],
            "server": [(1, "the request came from Squid without Upgrade", "upgrade-not-forwarded", "http-status")]},
        shows="the upgrade sent through Squid with an absolute target (GET http://...) instead of CONNECT: Squid drops Upgrade, the server answers 426")
async def squid_absolute(run):
    proxies.squid(run, "squid-right")
    async with server(run, echo, host="127.0.0.3", port=9000):
        def get():
            connection = http.client.HTTPConnection("127.0.0.2", 3128)
            connection.request("GET", "http://127.0.0.3:9000/chat", headers={
                "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
                "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="})
            response = connection.getresponse()
            print(f"  the client got {response.status}")
            response.read()
            connection.close()

        await asyncio.to_thread(get)
        await settle(0.2)


@sample("varnish-no-pipe.pcapng", programs=["Varnish", "websockets"], legs=LEGS, expect=stripped("Varnish"),
        shows="Varnish without `return (pipe)` (`proxies/varnish-no-pipe.vcl`): Upgrade is dropped, the server answers 426")
async def varnish_no_pipe(run):
    proxies.varnish(run, "varnish-no-pipe")
    await refused(run)


@sample("hixie-76-through-nginx.pcapng", folder="drafts", programs=["nginx", "Python"], legs=LEGS, log=False, expect={
            "client": [(1, "the client speaks the draft hixie-76, whose eight key bytes after the header do not pass an HTTP proxy before the 101", "draft-key-bytes-missing", "http-status")],
            "server": [(1, "the draft hixie-76 request came without its eight key bytes: the HTTP proxy in front holds them back", "draft-key-bytes-missing", "http-status")]},
        shows="a hixie-76 client through nginx: the eight bytes after the header never reach the server, which waits for them")
def hixie_through_nginx(run):
    def strict():
        """A server that reads the eight bytes before it answers, as the draft says."""
        sock, _ = listener.accept()
        sock.settimeout(5)
        got = b""
        while HEAD_END not in got or len(got.partition(HEAD_END)[2]) < 8:
            chunk = sock.recv(4096)
            if not chunk:
                break
            got += chunk
        print(f"  the server got {len(got.partition(HEAD_END)[2])} bytes after the header")
        sock.close()

    listener = socket.create_server(("127.0.0.3", 9000))
    thread = threading.Thread(target=strict)
    thread.start()
    proxies.nginx(run, "nginx-right")
    print(f"  the client got {hixie_76('127.0.0.2', 8080, wait=1.5)!r}")
    thread.join()
    listener.close()


# --- explicit and transparent, plain and TLS: four namespaces ---------------------------------------------------------

PLACES = """
ip netns add user
ip netns add site
ip link add touser type veth peer name eth0 netns user
ip link add tosite type veth peer name eth0 netns site
ip addr add 10.80.1.1/24 dev touser
ip addr add 10.80.2.1/24 dev tosite
ip link set touser up
ip link set tosite up
ip netns exec user ip link set lo up
ip netns exec user ip addr add 10.80.1.10/24 dev eth0
ip netns exec user ip link set eth0 up
ip netns exec user ip route add default via 10.80.1.1
ip netns exec site ip link set lo up
ip netns exec site ip addr add 10.80.2.10/24 dev eth0
ip netns exec site ip link set eth0 up
ip netns exec site ip route add default via 10.80.2.1
sysctl -qw net.ipv4.ip_forward=1
"""
INTERCEPT = "iptables -t nat -A PREROUTING -i touser -p tcp --dport 80 -j REDIRECT --to-port 3129"
TREE = {"client": {"bpf": "tcp", "interface": "touser"}, "server": {"bpf": "tcp", "interface": "tosite"}}


def shell(text):
    for line in text.strip().splitlines():
        subprocess.run(line.split(), check=True)


@contextlib.contextmanager
def places(run, squid):
    """A user, a site and between them this namespace with Squid, which intercepts port 80 when its configuration says so."""
    shell(PLACES)
    try:
        if squid:
            proxies.squid(run, squid, port=3128)
            if "intercept" in squid:
                shell(INTERCEPT)
        site = run.spawn(lab.PYTHON, lab.MAKE / "endpoints/tree_site.py", run.work / "site.json", ready="ready", namespace="site", stdin=subprocess.PIPE)
        run.start_captures()
        yield
        site.stdin.close()
        site.wait(timeout=10)
        take(run, run.work / "site.json")
    finally:
        run.stop_captures()
        run.end_processes()
        subprocess.run(["iptables", "-t", "nat", "-F"], check=False)
        shell("ip link del touser\nip link del tosite\nip netns del user\nip netns del site")


def take(run, path):
    for observer, connection, side, entries in lab.json.loads(path.read_text()):
        run.log.entries[(observer, connection, side)] = entries


def user(run, *arguments):
    """The user's program in its own namespace; takes its log in and returns what it says of the outcome."""
    out = run.work / "user.json"
    done = subprocess.run(["ip", "netns", "exec", "user", str(lab.PYTHON), str(lab.MAKE / "endpoints/tree_user.py"), str(out), str(run.keys),
                           *arguments], text=True, capture_output=True, timeout=60)
    print(f"  the client says: {done.stdout.strip()}{done.stderr.strip()[-300:]}")
    take(run, out)
    return done.stdout.strip()


@sample("tree-explicit-plain.pcapng", programs=["Squid", "websockets"], legs=TREE, capture=False,
        shows="explicit proxy, ws://: CONNECT to port 80 (which Squid must allow, `proxies/squid-explicit.conf`), then the upgrade in the tunnel: works")
def explicit_plain(run):
    with places(run, "squid-explicit"):
        assert user(run, "ws://10.80.2.10/chat", "http://10.80.1.1:3128") == "open"


@sample("tree-explicit-tls.pcapng", programs=["Squid", "websockets"], legs=TREE, capture=False, key_legs=("client", "server"),
        shows="explicit proxy, wss://: CONNECT to port 443, then TLS in the tunnel: works")
def explicit_tls(run):
    with places(run, "squid-explicit"):
        assert user(run, "wss://10.80.2.10/chat", "http://10.80.1.1:3128") == "open"


@sample("tree-transparent-plain.pcapng", programs=["Squid", "websockets"], legs=TREE, capture=False, expect={
            "client": [(1, "a transparent proxy on port 80 (Squid) dropped Upgrade, so the server saw an ordinary request", "upgrade-not-forwarded", "http-status")],
            "server": [(1, "the request came from Squid without Upgrade", "upgrade-not-forwarded", "http-status")]},
        shows="transparent proxy, ws://: Squid intercepts port 80 (`proxies/squid-intercept.conf`) and drops Upgrade: fails")
def transparent_plain(run):
    with places(run, "squid-intercept"):
        assert user(run, "ws://10.80.2.10/chat") != "open"


@sample("tree-transparent-tls.pcapng", programs=["Squid", "websockets"], legs=TREE, capture=False, key_legs=("client", "server"),
        shows="transparent proxy, wss://: port 443 is not intercepted, the proxy sees nothing: works")
def transparent_tls(run):
    with places(run, "squid-intercept"):
        assert user(run, "wss://10.80.2.10/chat") == "open"


@sample("squid-intercept-upgrade.pcapng", programs=["Squid", "websockets"], legs=TREE, capture=False,
        shows="transparent proxy, ws://, Squid 5 with http_upgrade_request_protocols (`proxies/squid-intercept-upgrade.conf`): works")
def transparent_upgrade(run):
    with places(run, "squid-intercept-upgrade"):
        assert user(run, "ws://10.80.2.10/chat") == "open"


@sample("router-any-device.pcapng", programs=["Linux", "websockets"], bpf={"bpf": "tcp port 80", "interface": "any"}, capture=False,
        shows="no proxy at all: captured with `any` on a router, every packet is there twice (TTL 64 and 63), as on a mirror port")
def router(run):
    with places(run, None):
        assert user(run, "ws://10.80.2.10/chat") == "open"


if __name__ == "__main__":
    lab.main("proxies")
