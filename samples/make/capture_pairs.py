"""Both sides of proxies whose server's side is another path, is refused, or fails in TLS: what a comparison has to tell."""

import lab

lab.enter()

from websockets.exceptions import InvalidHandshake

import proxies
from lab import sample
from python_endpoints import PLAIN, client, echo, server, settle
from secure import contexts

URI = "ws://127.0.0.2:8080/chat"
HEALTHY = [(1, "a healthy WebSocket", "healthy", None)]


async def refused(run, uri=URI, programs="websockets"):
    try:
        await client(run, uri, **PLAIN)
        raise SystemExit(f"{run.name}: the attempt was meant to fail")
    except (InvalidHandshake, OSError, EOFError) as error:
        run.says(f"client ({programs})", f"{type(error).__name__}: {error}")
    await settle(0.2)


@sample("nginx-rewritten-path.pcapng", programs=["nginx", "websockets"], legs=proxies.LEGS, expect=HEALTHY,
        shows="nginx rewrites the path and the query (`proxies/nginx-rewritten-path.conf`): works")
async def rewritten(run):
    proxies.nginx(run, "nginx-rewritten-path")
    async with server(run, echo, host="127.0.0.3", port=9000, **PLAIN):
        async with client(run, "ws://127.0.0.2:8080/chat/lobby?as=alice", **PLAIN) as c:
            await c.send("hello")
            await c.recv()
        await settle(0.2)


def gateway(proxy, where):
    return {"client": [(1, f"{proxy} could not reach the server behind it ({where}): it answered itself", "bad-gateway" if proxy == "nginx" else "server-unavailable", "http-status")]}


@sample("nginx-server-refused.pcapng", programs=["nginx", "websockets"], legs=proxies.LEGS, log=False,
        expect={**gateway("nginx", "refused"), "server": [(1, "nothing listens where nginx looks for the server: refused", "connection-refused", "tcp")]},
        shows="nginx (`proxies/nginx-right.conf`) whose server is down: 502 on the client's side, a refused SYN on the server's")
async def server_refused(run):
    proxies.nginx(run, "nginx-right")
    await refused(run)


@sample("haproxy-server-refused.pcapng", programs=["HAProxy", "websockets"], legs=proxies.LEGS, log=False,
        expect={**gateway("HAProxy", "refused four times"),
                "server": [(n, "nothing listens where HAProxy looks for the server: refused, and tried again", "connection-refused", "tcp") for n in range(1, 5)]},
        shows="HAProxy (`proxies/haproxy-right.cfg`) whose server is down: 503 on the client's side, four refused SYNs on the server's")
async def haproxy_refused(run):
    proxies.haproxy(run, "haproxy-right")
    await refused(run)


@sample("nginx-server-tls-refused.pcapng", programs=["nginx", "websockets", "OpenSSL"], legs=proxies.LEGS, log=False,
        expect={**gateway("nginx", "its certificate is not trusted"),
                "server": [(1, "nginx does not trust the server's certificate (proxy_ssl_verify)", "tls-certificate-untrusted", "tls", ["tls-closed-in-handshake"])]},
        shows="nginx does not trust the certificate of the server behind it (`proxies/nginx-upstream-tls.conf`): 502 on the client's side, TLS that ends on the server's")
async def tls_refused(run):
    server_context, _ = contexts(run, "1.2", log_keys=False)
    server_context.set_ciphers("ECDHE-RSA-AES128-GCM-SHA256:@SECLEVEL=0")
    proxies.nginx(run, "nginx-upstream-tls")
    async with server(run, echo, host="127.0.0.3", port=9000, ssl=server_context):
        await refused(run)


if __name__ == "__main__":
    lab.main("proxies")
