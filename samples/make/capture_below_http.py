"""Attempts that fail below HTTP: refused, rejected by ICMP, unanswered, without a route, and balancers that accept and close.

Three namespaces: the user, this one as a router, and the site. The capture is the user's, with ICMP; ports are odd ones, and a healthy connection
or a second address stands beside where it says so.
"""

import contextlib
import subprocess

import lab

lab.enter()

import echoes
import proxies
import watchers
from lab import sample

PLACES = """
ip netns add user
ip netns add site
ip link add touser type veth peer name eth0 netns user
ip link add tosite type veth peer name eth0 netns site
ip addr add 10.80.1.1/24 dev touser
ip addr add 10.80.2.1/24 dev tosite
ip -6 addr add fd00:1::1/64 dev touser nodad
ip -6 addr add fd00:2::1/64 dev tosite nodad
ip link set touser up
ip link set tosite up
ip netns exec user ip link set lo up
ip netns exec user ip addr add 10.80.1.10/24 dev eth0
ip netns exec user ip -6 addr add fd00:1::10/64 dev eth0 nodad
ip netns exec user ip link set eth0 up
ip netns exec user ip route add default via 10.80.1.1
ip netns exec user ip -6 route add default via fd00:1::1
ip netns exec site ip link set lo up
ip netns exec site ip addr add 10.80.2.10/24 dev eth0
ip netns exec site ip -6 addr add fd00:2::10/64 dev eth0 nodad
ip netns exec site ip link set eth0 up
ip netns exec site ip route add default via 10.80.2.1
ip netns exec site ip -6 route add default via fd00:2::1
sysctl -qw net.ipv4.ip_forward=1
sysctl -qw net.ipv6.conf.all.forwarding=1
sysctl -qw net.ipv4.icmp_ratelimit=0
sysctl -qw net.ipv6.icmp.ratelimit=0
"""
SITE, SITE6 = "10.80.2.10", "[fd00:2::10]"


def shell(text, *within):
    for line in text.strip().splitlines():
        subprocess.run([*within, *line.split()], check=True)


def site(text):
    shell(text, "ip", "netns", "exec", "site")


@contextlib.contextmanager
def places(run):
    shell(PLACES)
    try:
        run.start_captures()
        yield
    finally:
        run.stop_captures()
        run.end_processes()
        shell("ip link del touser\nip link del tosite\nip netns del user\nip netns del site")


def attempt(run, library, uri, seconds=None):
    """One attempt of the user's; with `seconds` the user loses patience then."""
    command = ["ip", "netns", "exec", "user", *map(str, watchers.command(library)), uri, "1"]
    process = subprocess.Popen(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        said, _ = process.communicate(timeout=seconds or 30)
    except subprocess.TimeoutExpired:
        process.kill()
        said = "(killed by its user)"
    for line in said.splitlines():
        run.says(f"client ({library})", line)


def below(name, rows, shows, programs=("websockets", "Linux")):
    """A sample whose function arranges the network and lets the user try."""

    def register(function):
        expect = [(number, *row) for number, row in enumerate(rows, 1)]
        interface = {"bpf": "tcp or icmp or icmp6", "interface": "touser"}

        @sample(f"{name}.pcapng", programs=list(programs), log=False, bpf=interface, capture=False, expect=expect, shows=shows)
        def made(run):
            with places(run):
                function(run)

    return register


# --- rejected by a firewall -------------------------------------------------------------------------------------------


def rejected(kind, words, library, port, ipv6=False):
    tables, host = ("ip6tables", SITE6) if ipv6 else ("iptables", SITE)
    cause = f"a firewall at the server rejects the SYN with ICMP{'v6' * ipv6} {words}"

    @below(f"rejected-{kind}", [(cause, "connection-rejected", "tcp")], f"`{tables} -j REJECT --reject-with {kind}` on port {port}", (library, "Linux"))
    def made(run):
        site(f"{tables} -A INPUT -p tcp --dport {port} -j REJECT --reject-with {kind}")
        attempt(run, library, f"ws://{host}:{port}/chat", seconds=4)


rejected("icmp-port-unreachable", "port unreachable (the default of iptables)", "websockets", 7001)
rejected("icmp-host-prohibited", "host prohibited (as firewalld does)", "ws", 7002)
rejected("icmp-admin-prohibited", "administratively prohibited", "aiohttp", 7003)
rejected("icmp-net-unreachable", "network unreachable", "websockets", 7004)
rejected("icmp6-adm-prohibited", "administratively prohibited", "websockets", 7005, ipv6=True)
rejected("icmp6-port-unreachable", "port unreachable", "ws", 7006, ipv6=True)


@below("rejected-tcp-reset", [("a firewall at the server rejects the SYN with a RST", "connection-refused", "tcp")] * 2,
       "`iptables -j REJECT --reject-with tcp-reset` on port 7010, IPv4 and IPv6")
def tcp_reset(run):
    for tables, host in (("iptables", SITE), ("ip6tables", SITE6)):
        site(f"{tables} -A INPUT -p tcp --dport 7010 -j REJECT --reject-with tcp-reset")
        attempt(run, "websockets", f"ws://{host}:7010/chat")


@below("rejected-by-router", [("a router on the way forbids the port (ICMP communication prohibited)", "connection-rejected", "tcp"),
                              ("the other port works", "healthy", None)],
       "a router rejects port 7021 with ICMP administratively prohibited; port 7020 of the same server works", ("ws", "gorilla", "Linux"))
def by_router(run):
    shell("iptables -A FORWARD -p tcp --dport 7021 -j REJECT --reject-with icmp-admin-prohibited")
    echoes.start(run, "gorilla", 7020, SITE, namespace="site")
    attempt(run, "ws", f"ws://{SITE}:7021/chat")
    healthy(run, 7020)


def healthy(run, port, host=SITE):
    """An attempt that works: a hello and a close."""
    code = ("const {WebSocket}=require('ws');const s=new WebSocket('ws://%s:%d/chat',{perMessageDeflate:false});s.on('open',()=>s.send('hello'));"
            "s.on('message',()=>s.close(1000));s.on('close',(c)=>console.log('ended with '+c))") % (host, port)
    done = subprocess.run(["ip", "netns", "exec", "user", "node", "-e", code], text=True, capture_output=True, timeout=20)
    run.says("client (ws)", done.stdout.strip() or done.stderr.strip()[-200:])


# --- refused, without a route, unanswered -----------------------------------------------------------------------------


@below("refused-beside-healthy", [("the first port works", "healthy", None), ("nothing listens on the second port: refused", "connection-refused", "tcp"),
                                  ("nothing listens on the third port, IPv6: refused", "connection-refused", "tcp")],
       "a healthy connection on port 7030; ports 7031 and, over IPv6, 7032 are refused", ("ws", "gorilla"))
def refused(run):
    echoes.start(run, "gorilla", 7030, SITE, namespace="site")
    healthy(run, 7030)
    attempt(run, "ws", f"ws://{SITE}:7031/chat")
    attempt(run, "ws", f"ws://{SITE6}:7032/chat")


@below("no-route", [("the router has no route to the server's network (ICMP network unreachable)", "connection-rejected", "tcp"),
                    ("the router has no route to the server's network (ICMPv6 no route)", "connection-rejected", "tcp")],
       "a router without a route to the server's network answers with ICMP, IPv4 and IPv6")
def no_route(run):
    attempt(run, "websockets", "ws://10.99.0.1:7040/chat", seconds=4)
    attempt(run, "websockets", "ws://[fd00:99::1]:7040/chat", seconds=4)


@below("host-down", [("the server is down: the router cannot find it in its own network (ICMP host unreachable)", "connection-rejected", "tcp")],
       "the last router gets no answer to ARP: ICMP host unreachable after three seconds")
def host_down(run):
    attempt(run, "websockets", "ws://10.80.2.99:7050/chat", seconds=6)


@below("unanswered-odd-port", [("a firewall drops the SYN to port 7061 silently", "connection-unanswered", "tcp"), ("port 7060 works", "healthy", None),
                               ("a firewall drops the SYN to port 7062 silently, IPv6", "connection-unanswered", "tcp")],
       "a firewall drops SYNs to ports 7061 and (IPv6) 7062; port 7060 works beside them", ("ws", "gorilla", "Linux"))
def unanswered(run):
    site("iptables -A INPUT -p tcp --dport 7061 -j DROP\nip6tables -A INPUT -p tcp --dport 7062 -j DROP")
    echoes.start(run, "gorilla", 7060, SITE, namespace="site")
    attempt(run, "ws", f"ws://{SITE}:7061/chat", seconds=3.5)
    healthy(run, 7060)
    attempt(run, "ws", f"ws://{SITE6}:7062/chat", seconds=3.5)


@below("happy-eyeballs", [("the server's IPv6 address refuses, so the client tries the other one", "connection-refused", "tcp"), ("its IPv4 address works", "healthy", None)],
       "a name with two addresses: IPv6 refuses, IPv4 works", ("aiohttp", "gorilla"))
def happy(run):
    echoes.start(run, "gorilla", 7070, SITE, namespace="site")
    hosts = run.work / "hosts"
    hosts.write_text(f"127.0.0.1 localhost\nfd00:2::10 chat.example\n{SITE} chat.example\n")
    subprocess.run(["mount", "--bind", str(hosts), "/etc/hosts"], check=True)
    code = ("import asyncio, aiohttp\n"
            "async def main():\n"
            "  async with aiohttp.ClientSession() as s, s.ws_connect('ws://chat.example:7070/chat', compress=0) as ws:\n"
            "    await ws.send_str('hello'); print(await ws.receive())\n"
            "asyncio.run(main())")
    done = subprocess.run(["ip", "netns", "exec", "user", str(lab.PYTHON), "-c", code], text=True, capture_output=True, timeout=20)
    run.says("client (aiohttp)", done.stdout.strip() or done.stderr.strip()[-200:])


# --- accepted and closed ----------------------------------------------------------------------------------------------


@below("balancer-closes", [("nginx (stream) accepts the connection, cannot reach the server behind it and closes", "closed-without-answer", "http-status", ["reset-on-upgrade"]),
                           ("HAProxy (tcp) accepts the connection, has no server and closes", "closed-without-answer", "http-status", ["reset-on-upgrade"])],
       "balancers of layer 4 whose server is down: nginx's stream module (`proxies/nginx-stream-down.conf`) and HAProxy (`proxies/haproxy-tcp-down.cfg`)",
       ("nginx", "HAProxy", "websockets", "ws"))
def balancer(run):
    proxies.nginx(run, "nginx-stream-down", port=7080, namespace="site")
    proxies.haproxy(run, "haproxy-tcp-down", port=7081, namespace="site")
    attempt(run, "websockets", f"ws://{SITE}:7080/chat")
    attempt(run, "ws", f"ws://{SITE}:7081/chat")


@below("balancer-closes-tls", [("nginx (stream) accepts the connection, cannot reach the server behind it and closes on the ClientHello", "tls-closed-in-handshake", "tls")],
       "wss to a balancer of layer 4 (nginx's stream module) whose server is down: it closes while the client sends its ClientHello", ("nginx", "websockets", "OpenSSL"))
def balancer_tls(run):
    proxies.nginx(run, "nginx-stream-down", port=7080, namespace="site")
    attempt(run, "websockets", f"wss://{SITE}:7080/chat")


if __name__ == "__main__":
    lab.main("below-http")
