"""Connections that fall silent: pings late or unanswered, packets dropped, large segments lost, servers that stop with many connections."""

import asyncio
import contextlib
import os
import signal
import subprocess
import time

import lab

lab.enter()

from websockets.exceptions import ConnectionClosed

import echoes
import proxies
import raw
from lab import sample
from python_endpoints import PLAIN, client, echo, server, settle

PORT = 9090
URI = f"ws://127.0.0.1:{PORT}/chat"


def unanswered(cause):
    return [(1, cause, "ping-unanswered", "life")]


def drop(*match):
    subprocess.run(["iptables", "-A", "INPUT", "-p", "tcp", *map(str, match), "-j", "DROP"], check=True)


# --- pings ------------------------------------------------------------------------------------------------------------


@sample("ping-late-blocked-client.pcapng", programs=["websockets", "ws"], log=False,
        expect=unanswered("the client's event loop is blocked for 2.5 s; its pong comes after the server has closed with 1011 (keepalive ping timeout)"),
        shows="a server that pings every 0.5 s and waits 1 s; the client computes for 2.5 s and answers after the close (1011)")
async def late_client(run):
    async with server(run, echo, port=PORT, ping_interval=0.5, ping_timeout=1, **PLAIN):
        done = await asyncio.to_thread(subprocess.run, ["node", str(lab.MAKE / "endpoints/blocked.cjs"), URI, "2500"], capture_output=True, text=True, timeout=20)
        run.says("client (ws)", done.stdout.strip())
        await settle(0.3)


@sample("ping-unanswered-stopped-client.pcapng", programs=["websockets", "ws"], log=False,
        expect=unanswered("the client process is stopped (SIGSTOP): its kernel acknowledges, nobody answers the ping; the server closes with 1011"),
        shows="a server that pings; the client is stopped with SIGSTOP: pings are acknowledged by TCP and never answered (1011)")
async def stopped_client(run):
    async with server(run, echo, port=PORT, ping_interval=0.5, ping_timeout=1, close_timeout=1, **PLAIN):
        process = run.spawn("node", lab.MAKE / "endpoints/blocked.cjs", URI, "10")
        await settle(0.8)
        os.killpg(process.pid, signal.SIGSTOP)
        await settle(4)
        os.killpg(process.pid, signal.SIGCONT)
        await settle(0.4)


@sample("ping-late-blocked-server.pcapng", programs=["websockets"],
        expect=unanswered("the server's handler blocks its event loop for 3 s; its pong comes after the client has closed with 1011"), cut_short=True,
        shows="a client that pings every 0.5 s and waits 1 s; the server's handler sleeps without await: its pong and its messages come after the close")
async def late_server(run):
    process = run.spawn(lab.PYTHON, "-c", f"import asyncio,time\nfrom websockets.asyncio.server import serve\n"
                        "async def h(c):\n async for m in c:\n  await c.send(m)\n  if m=='block': await asyncio.sleep(.1); time.sleep(3)\n"
                        f"async def main():\n async with serve(h,'127.0.0.1',{PORT},compression=None,ping_interval=None): await asyncio.get_running_loop().create_future()\n"
                        "asyncio.run(main())", port=PORT)
    c = await client(run, URI, **{**PLAIN, "ping_interval": 0.5, "ping_timeout": 1, "close_timeout": 3})
    await c.send("hello")
    await c.recv()
    await c.send("block")
    try:
        while True:
            await c.recv()
    except ConnectionClosed as error:
        run.says("client (websockets)", str(error))
    await settle(1.5)
    process.kill()


@sample("ping-unanswered-heartbeat.pcapng", programs=["ws", "websockets"], log=False,
        expect=unanswered("the client does not answer the server's ping; the server's heartbeat calls terminate() without a close frame"),
        shows="npm ws with the heartbeat of its manual: a client (raw) that never answers pings is terminated, FIN without a close frame")
def heartbeat(run):
    process = run.spawn("node", lab.MAKE / "endpoints/heartbeat.cjs", PORT, 700, port=PORT)
    _, got, how = raw.converse(PORT, raw.frame(raw.TEXT, b"hello"), wait=4)
    run.says("client (raw)", f"got {raw.frames(got)}, then {how}")
    for line in echoes.words(process):
        run.says("server (ws)", line)


@sample("ping-unanswered-aiohttp.pcapng", programs=["aiohttp", "Python"], log=False,
        expect=unanswered("the client does not answer the server's ping (heartbeat 0.8 s); aiohttp ends the connection"),
        shows="aiohttp with heartbeat=0.8: a client (raw) that never answers pings")
def aiohttp_heartbeat(run):
    code = ("from aiohttp import web, WSMsgType\n"
            "async def h(r):\n ws=web.WebSocketResponse(heartbeat=0.8)\n await ws.prepare(r)\n"
            " async for m in ws:\n  if m.type==WSMsgType.TEXT: await ws.send_str(m.data)\n print('ended with',ws.close_code,ws.exception(),flush=True)\n return ws\n"
            f"a=web.Application();a.router.add_get('/chat',h);web.run_app(a,host='127.0.0.1',port={PORT},print=None)")
    process = run.spawn(lab.PYTHON, "-c", code, port=PORT)
    _, got, how = raw.converse(PORT, raw.frame(raw.TEXT, b"hello"), wait=4)
    run.says("client (raw)", f"got {raw.frames(got)}, then {how}")
    for line in echoes.words(process):
        run.says("server (aiohttp)", line)


@sample("ping-into-the-void.pcapng", programs=["websockets", "Linux"], cut_short=True,
        expect=[(1, "from a certain moment on a firewall drops everything: the server's ping is never acknowledged, nor is the close frame (1011) after it", "silent-drop", "life", ["ping-unanswered"])],
        shows="packets are dropped from a certain moment on: the server's ping and its close frame (1011) are never acknowledged")
async def void(run):
    async with server(run, echo, port=PORT, ping_interval=0.8, ping_timeout=1, close_timeout=1, compression=None):
        c = await client(run, URI, **PLAIN)
        await c.send("before")
        await c.recv()
        drop("--sport", PORT)
        drop("--dport", PORT)
        await settle(5)
        run.stop_captures()
        run.log.frozen = True
        c.transport.abort()
        subprocess.run(["iptables", "-F"], check=True)


@sample("request-acknowledged-unanswered.pcapng", programs=["websockets"], cut_short=True,
        expect=[(1, "the server's handler hangs: the client's question is acknowledged by TCP and never answered, then the client leaves (1000)", "healthy", None)],
        shows="a question that the server's kernel acknowledges and its handler never answers; the client closes after 3 s")
async def hangs(run):
    async def handler(connection):
        await connection.send(await connection.recv())
        await connection.recv()
        await asyncio.sleep(30)

    async with server(run, handler, port=PORT, **PLAIN):
        c = await client(run, URI, **PLAIN)
        await c.send("hello")
        await c.recv()
        await c.send("are you there?")
        await settle(3)
        await c.close()


# --- large segments that never arrive ---------------------------------------------------------------------------------

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
# What a tunnel with a smaller MTU does when ICMP "fragmentation needed" is filtered.
BLACK_HOLE = "iptables -A FORWARD -p tcp -m length --length 1301:65535 -j DROP"


def shell(text):
    for line in text.strip().splitlines():
        subprocess.run(line.split(), check=True)


@contextlib.contextmanager
def hole(run):
    shell(PLACES)
    for where, interface in (("user", "eth0"), ("site", "eth0"), (None, "touser"), (None, "tosite")):
        within = ["ip", "netns", "exec", where] if where else []
        subprocess.run([*within, "ethtool", "-K", interface, "tso", "off", "gso", "off", "gro", "off"], check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    shell(BLACK_HOLE)
    try:
        run.start_captures()
        yield
    finally:
        run.stop_captures()
        run.end_processes()
        shell("iptables -F FORWARD\nip link del touser\nip link del tosite\nip netns del user\nip netns del site")


def black_hole(name, cause, stage, shows, programs, legs=None):
    def register(function):
        interface = {"bpf": "tcp", "interface": "touser"}

        @sample(f"{name}.pcapng", programs=[*programs, "Linux"], bpf=legs or interface, capture=False, log=False, expect=[(1, cause, "mtu-black-hole", stage)], also=["mtu-black-hole"],
                shows=shows)
        def made(run):
            with hole(run):
                function(run)

    return register


def user(run, code, *arguments, seconds=8, name="ws"):
    """A program of the user's; killed when it has not ended by itself."""
    process = subprocess.Popen(["ip", "netns", "exec", "user", *code, *arguments], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        said, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        said = "(killed by its user)"
    run.says(f"client ({name})", said.strip())


CHAT = ["node", "-e", "const {WebSocket}=require('ws');const [u,n,h]=process.argv.slice(1);const s=new WebSocket(u,{perMessageDeflate:false,rejectUnauthorized:false,"
        "handshakeTimeout:6000,headers:h?{Cookie:'session='+'c'.repeat(+h)}:{}});let k=0;s.on('open',()=>s.send('hello'));"
        "s.on('message',(d)=>{if(++k===1)s.send('x'.repeat(+n));else{console.log('got '+d.length);s.close(1000)}});"
        "s.on('error',(e)=>console.log('error: '+e.message));s.on('close',(c)=>console.log('ended with '+c));setTimeout(()=>{console.log('still waiting');process.exit()},6500)"]
SITE = "ws://10.80.2.10:9090/chat"


def serve_large(run):
    code = ("import asyncio\nfrom websockets.asyncio.server import serve\nasync def h(c):\n async for m in c:\n  await c.send(m if m=='hello' else 'y'*5000)\n"
            "async def main():\n async with serve(h,'10.80.2.10',9090,compression=None): await asyncio.get_running_loop().create_future()\nasyncio.run(main())")
    run.spawn(lab.PYTHON, "-c", code, port=9090, namespace="site")
    user(run, CHAT, SITE, "10")


@black_hole("mtu-black-hole-client", "a hop drops packets over 1300 bytes without a word: the client's message of 2500 bytes is sent again and again, small ones pass", "life",
            "a hop drops packets over 1300 bytes silently: the upgrade and `hello` pass, a message of 2500 bytes never does", ["gorilla", "ws"])
def hole_client(run):
    echoes.start(run, "gorilla", 9090, "10.80.2.10", namespace="site")
    user(run, CHAT, SITE, "2500")


@black_hole("mtu-black-hole-server", "a hop drops packets over 1300 bytes without a word: the server's message of 5000 bytes never arrives, small ones do", "life",
            "a hop drops packets over 1300 bytes silently: the server's answer of 5000 bytes never arrives; captured at the client's side of the hop", ["websockets", "ws"])
def hole_server(run):
    serve_large(run)


@black_hole("mtu-black-hole-server-side", "a hop drops packets over 1300 bytes without a word: the server's message of 5000 bytes is sent again and again, small ones pass", "life",
            "the same, captured at the server's side of the hop: the server's large segments are sent again and again", ["websockets", "ws"], legs={"bpf": "tcp", "interface": "tosite"})
def hole_server_side(run):
    serve_large(run)


@black_hole("mtu-black-hole-request", "a hop drops packets over 1300 bytes without a word: the upgrade request, 3 KB with its cookie, never gets through whole", "http-status",
            "a hop drops packets over 1300 bytes silently: an upgrade request with a cookie of 3000 bytes never arrives whole", ["gorilla", "ws"])
def hole_request(run):
    echoes.start(run, "gorilla", 9090, "10.80.2.10", namespace="site")
    user(run, CHAT, SITE, "10", "3000")


@black_hole("mtu-black-hole-tls", "a hop drops packets over 1300 bytes without a word: the server's certificate never arrives, the TLS handshake stalls", "tls",
            "a hop drops packets over 1300 bytes silently: of the TLS handshake the server's certificate never arrives; captured at the server's side of the hop", ["OpenSSL", "ws"],
            legs={"bpf": "tcp", "interface": "tosite"})
def hole_tls(run):
    where = lab.certificates()
    run.spawn("openssl", "s_server", "-accept", "10.80.2.10:9443", "-cert", where / "localhost.pem", "-key", where / "localhost.key", "-cert_chain", where / "elliptic.pem", port=9443,
              namespace="site", stdin=subprocess.PIPE)
    user(run, CHAT, "wss://10.80.2.10:9443/chat", "10")


# --- many ends in one moment ------------------------------------------------------------------------------------------


async def crowd(run, count, uri=URI):
    """Connections that have talked a little, at different times."""
    many = []
    for n in range(count):
        c = await client(run, uri, **PLAIN)
        await c.send(f"hello from {n}")
        await c.recv()
        many.append(c)
        await settle(0.03 + 0.05 * (n % 4))
    return many


def stopped(count, how, also=None):
    return [(n, f"{how}, which ends {count} connections in one moment", "server-stopped", "life", also) for n in range(1, count + 1)]


def stops(name, library, count, number, how, shows):
    @sample(f"{name}.pcapng", programs=[echoes.program(library), "websockets"], cut_short=True, expect=stopped(count, how), also=["server-stopped"], shows=shows, bpf=f"tcp port {PORT}")
    async def made(run):
        process = echoes.start(run, library, PORT)
        many = await crowd(run, count)
        os.killpg(process.pid, number)
        for c in many:
            await c.wait_closed()
        run.says("client (websockets)", f"{many[0].close_code}")
        await settle(0.2)


stops("server-killed-gorilla", "gorilla", 10, signal.SIGKILL, "the server process is killed (SIGKILL)", "a Go server with ten connections is killed (SIGKILL): FIN or RST on each within a millisecond")
stops("server-killed-websockets", "websockets", 8, signal.SIGKILL, "the server process is killed (SIGKILL)", "a Python server with eight connections is killed (SIGKILL)")


@sample("server-stopped-nginx.pcapng", programs=["nginx", "websockets"], cut_short=True, bpf="tcp port 8080", expect=stopped(8, "nginx is stopped (SIGTERM)"), also=["server-stopped"],
        shows="nginx in front of eight connections is stopped (SIGTERM): all of them end without a close frame within a millisecond")
async def nginx_stopped(run):
    process = proxies.nginx(run, "nginx-right")
    async with server(run, echo, host="127.0.0.3", port=9000, **PLAIN):
        many = await crowd(run, 8, "ws://127.0.0.2:8080/chat")
        os.killpg(process.pid, signal.SIGTERM)
        for c in many:
            await c.wait_closed()
        await settle(0.2)


@sample("server-going-away.pcapng", programs=["websockets"], bpf=f"tcp port {PORT}",
        expect=[(n, "the server shuts down in order: each connection gets 1001", "healthy", None, ["server-stopped", "service-close"]) for n in range(1, 7)],
        shows="a Python server with six connections shuts down in order: a close frame with 1001 on each within a millisecond")
async def going_away(run):
    async with server(run, echo, port=PORT, **PLAIN):
        many = await crowd(run, 6)
    for c in many:
        await c.wait_closed()
    await settle(0.2)


@sample("client-killed.pcapng", programs=["gorilla", "ws"], log=False, bpf=f"tcp port {PORT}", also=["server-stopped", "connection-reset"],
        expect=[(n, "the client process, which holds seven connections, is killed (SIGKILL)", "closed-without-close-frame", "close") for n in range(1, 8)],
        shows="one client process with seven connections to a Go server is killed (SIGKILL): all end in one moment, from the client's side")
def client_killed(run):
    echoes.start(run, "gorilla", PORT)
    code = ("const {WebSocket}=require('ws');for(let n=0;n<7;n++)setTimeout(()=>{const s=new WebSocket('%s',{perMessageDeflate:false});s.on('open',()=>s.send('hello'));s.on('error',()=>{})},n*130);"
            "setInterval(()=>{},1000)") % URI
    process = run.spawn("node", "-e", code)
    time.sleep(2.5)
    os.killpg(process.pid, signal.SIGKILL)
    time.sleep(0.4)


if __name__ == "__main__":
    lab.main("silence")
