"""Tunnels inside tunnels, SOCKS by other clients, and hops that name their client to a server that has understood."""

import asyncio

import lab

lab.enter()

import proxies
from capture_proxy_protocol import refused as refused_by
from capture_socks import curl, microsocks, names, ssh
from lab import sample
from python_endpoints import PLAIN, echo, server, settle

# Samples of the scripts that lend their functions are made there.
lab.REGISTRY.clear()

WORKS = [(1, "the tunnel opens and the WebSocket is accepted; curl then leaves without a close frame", "closed-without-close-frame", "close")]


@sample("socks5-connect.pcapng", programs=["microsocks", "Squid", "curl", "websockets"], bpf="tcp port 1080", log=False, expect=WORKS,
        shows="curl asks a SOCKS 5 server (microsocks) for a tunnel to an HTTP proxy (Squid), and that one for a tunnel to the server (CONNECT): a tunnel in a tunnel")
async def connect_in_socks(run):
    microsocks(run)
    proxies.squid(run, "squid-right")
    async with server(run, echo, host="127.0.0.3", port=9000, **PLAIN):
        await asyncio.to_thread(curl, run, "--preproxy", "socks5h://127.0.0.2:1080", "-x", "http://127.0.0.2:3128", "--proxytunnel")
        await settle(0.3)


@sample("socks4-curl-ssh.pcapng", programs=["OpenSSH", "curl", "websockets"], bpf="tcp port 1080", log=False, expect=WORKS + [(2, "SOCKS 4A with a name: as the first", *WORKS[0][2:])],
        shows="curl with SOCKS 4 and 4A through `ssh -D`")
async def socks4_curl(run):
    names(run, **{"chat.example": "127.0.0.3"})
    ssh(run)
    async with server(run, echo, host="127.0.0.3", port=9000, **PLAIN):
        await asyncio.to_thread(curl, run, "--socks4", "127.0.0.2:1080")
        await asyncio.to_thread(curl, run, "--socks4a", "127.0.0.2:1080", uri="http://chat.example:9000/chat")
        await settle(0.3)


@sample("socks5-server-error.pcapng", programs=["microsocks", "curl", "nginx"], bpf="tcp port 1080", log=False,
        expect=[(1, "the tunnel opens, and nginx cannot read its own page (500)", "server-error", "http-status")],
        shows="SOCKS 5 with user name and password, and in the tunnel a 500 of nginx, which cannot read its page")
def server_error(run):
    lab.certificates()
    microsocks(run, "-u", "alice", "-P", "open sesame")
    proxies.nginx(run, "nginx-page")
    curl(run, "--socks5-basic", "--socks5", "127.0.0.2:1080", "--proxy-user", "alice:open sesame", uri="http://127.0.0.2:8080/chat")


@sample("proxy-v2-understood-down.pcapng", programs=["HAProxy", "nginx", "websockets"], bpf="tcp port 9000", log=False,
        expect=[(1, "nginx has understood the PROXY protocol; the server behind it is down (502)", "bad-gateway", "http-status")],
        shows="PROXY v2 to nginx, which knows it, and whose own server is down: 502; captured before nginx")
async def understood_down(run):
    lab.certificates()
    proxies.nginx(run, "nginx-proxy-protocol", port=9000)
    proxies.haproxy(run, "haproxy-send-proxy-v2")
    await refused_by(run)


if __name__ == "__main__":
    lab.main("tunnels")
