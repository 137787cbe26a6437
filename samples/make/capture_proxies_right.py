"""Proxies set up so that WebSockets pass: each captured on both sides."""

import lab

lab.enter()

import proxies
from lab import sample
from proxies import LEGS
from python_endpoints import PLAIN, client, echo, server, settle

PROXY_LEGS = {"client": "tcp port 3128", "server": "tcp port 9000"}


async def converse(run, uri="ws://127.0.0.2:8080/chat", **options):
    """A short healthy conversation with compression, ping and close."""
    async with server(run, echo, host="127.0.0.3", port=9000, subprotocols=["lab.v1"]):
        async with client(run, uri, subprotocols=["lab.v1"], origin="http://127.0.0.2:8080", **options) as c:
            for n in range(3):
                await c.send(f"through the proxy, message {n}: " + "the same words " * 5)
                await c.recv()
            await c.send(bytes(range(64)))
            await c.recv()
            await (await c.ping(b"end to end?"))
            await settle()
            await c.close(1000, "done")
        await settle(0.1)


@sample("nginx-right.pcapng", programs=["nginx", "websockets"], legs=LEGS,
        shows="nginx as a reverse proxy that passes Upgrade and Connection (`proxies/nginx-right.conf`)")
async def nginx(run):
    proxies.nginx(run, "nginx-right")
    await converse(run)


@sample("haproxy-right.pcapng", programs=["HAProxy", "websockets"], legs=LEGS,
        shows="HAProxy in http mode (`proxies/haproxy-right.cfg`)")
async def haproxy(run):
    proxies.haproxy(run, "haproxy-right")
    await converse(run)


@sample("haproxy-tcp.pcapng", programs=["HAProxy", "websockets"], legs=LEGS,
        shows="HAProxy in tcp mode, a reverse proxy at layer 4 (`proxies/haproxy-tcp.cfg`): every byte passes as it is")
async def haproxy_tcp(run):
    proxies.haproxy(run, "haproxy-tcp")
    await converse(run)


@sample("apache-right.pcapng", programs=["Apache", "websockets"], legs=LEGS,
        shows="Apache mod_proxy_http with upgrade=websocket (`proxies/apache-right.conf`)")
async def apache(run):
    proxies.apache(run, "apache-right")
    await converse(run)


@sample("apache-wstunnel.pcapng", programs=["Apache", "websockets"], legs=LEGS,
        shows="Apache mod_proxy_wstunnel (`proxies/apache-wstunnel.conf`)")
async def wstunnel(run):
    proxies.apache(run, "apache-wstunnel")
    await converse(run)


@sample("apache-forward-right.pcapng", programs=["Apache", "websockets"], legs=LEGS,
        shows="Apache as a forward proxy: CONNECT to port 9000 is allowed (`proxies/apache-forward-right.conf`), then the upgrade in the tunnel")
async def apache_forward(run):
    proxies.apache(run, "apache-forward-right")
    await converse(run, "ws://127.0.0.3:9000/chat", proxy="http://127.0.0.2:8080")


@sample("squid-connect-right.pcapng", programs=["Squid", "websockets"], legs=PROXY_LEGS,
        shows="Squid as an explicit forward proxy: CONNECT, then the upgrade in the tunnel (`proxies/squid-right.conf`)")
async def squid(run):
    proxies.squid(run, "squid-right")
    await converse(run, "ws://127.0.0.3:9000/chat", proxy="http://127.0.0.2:3128")


@sample("varnish-right.pcapng", programs=["Varnish", "websockets"], legs=LEGS,
        shows="Varnish with `return (pipe)` (`proxies/varnish-right.vcl`)")
async def varnish(run):
    proxies.varnish(run, "varnish-right")
    await converse(run)


@sample("relay-rewrites-frames.pcapng", programs=["ws", "websockets"], legs=LEGS,
        shows="a relay that is a WebSocket endpoint on both sides (`endpoints/relay.cjs`): other key, masks, fragments and compression, pings answered by itself, 40 ms later")
async def relay(run):
    run.spawn("node", lab.MAKE / "endpoints/relay.cjs", "127.0.0.2", "8080", "ws://127.0.0.3:9000", port=8080)
    async with server(run, echo, host="127.0.0.3", port=9000):
        async with client(run, "ws://127.0.0.2:8080/chat") as c:
            for n in range(4):
                await c.send(f"message {n}: " + "the same words " * 6)
                await c.recv()

            async def parts():
                for part in ("in ", "three ", "fragments"):
                    yield part

            await c.send(parts())
            await c.recv()
            await (await c.ping(b"who answers?"))
            await c.close(1000, "done")
        await settle(0.3)


if __name__ == "__main__":
    lab.main("proxies")
