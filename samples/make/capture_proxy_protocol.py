"""The PROXY protocol, versions 1 and 2, in front of HTTP and TLS: to servers that know it and to those that do not, and left out where it is expected."""

import asyncio

import lab

lab.enter()

from websockets.exceptions import InvalidHandshake

import echoes
import proxies
import raw
from lab import sample
from python_endpoints import PLAIN, client, echo, server, settle
from secure import contexts

LEGS = {"client": "tcp port 8080", "server": "tcp port 9000"}
TLS_LEGS = {"client": "tcp port 8443", "server": "tcp port 9000"}
URI = "ws://127.0.0.2:8080/chat"
WORKS = [(1, "the PROXY protocol is sent and understood: works", "healthy", None)]


async def talk(run, uri=URI, **options):
    async with client(run, uri, **PLAIN, **options) as c:
        await c.send("who am I?")
        await c.recv()
        await c.send(b"\x00\x01\x02")
        await c.recv()
    await settle(0.2)


async def refused(run, uri=URI, **options):
    try:
        async with client(run, uri, open_timeout=3, **PLAIN, **options):
            raise SystemExit(f"{run.name}: the attempt was meant to fail")
    except (InvalidHandshake, OSError, TimeoutError, EOFError) as error:
        run.says("client (websockets)", f"{type(error).__name__}: {error}")
    await settle(0.2)


# --- understood -------------------------------------------------------------------------------------------------------


@sample("proxy-v1-nginx.pcapng", programs=["HAProxy", "nginx", "websockets"], legs=LEGS, expect=WORKS,
        shows="HAProxy with send-proxy (`proxies/haproxy-send-proxy.cfg`) to nginx with `listen ... proxy_protocol` (`proxies/nginx-proxy-protocol.conf`): PROXY v1 in text, then HTTP")
async def v1_nginx(run):
    lab.certificates()
    proxies.nginx(run, "nginx-proxy-protocol", port=9000)
    proxies.haproxy(run, "haproxy-send-proxy")
    async with server(run, echo, host="127.0.0.3", port=9001, **PLAIN):
        await talk(run)


@sample("proxy-v2-apache.pcapng", programs=["HAProxy", "Apache", "websockets"], legs=LEGS, expect=WORKS,
        shows="HAProxy with send-proxy-v2 and fields for a unique id and a checksum (`proxies/haproxy-send-proxy-v2.cfg`) to Apache with RemoteIPProxyProtocol (`proxies/apache-proxy-protocol.conf`)")
async def v2_apache(run):
    lab.certificates()
    proxies.apache(run, "apache-proxy-protocol", port=9000)
    proxies.haproxy(run, "haproxy-send-proxy-v2")
    async with server(run, echo, host="127.0.0.3", port=9001, **PLAIN):
        await talk(run)


@sample("proxy-v2-tls-fields.pcapng", programs=["HAProxy", "websockets"], legs=TLS_LEGS, expect=WORKS,
        shows="HAProxy terminates TLS 1.2 and sends PROXY v2 with fields for TLS version, cipher, certificate and SNI; another HAProxy with accept-proxy (`proxies/haproxy-accept-proxy.cfg`) behind")
async def v2_tls(run):
    _, context = contexts(run, "1.2")
    proxies.haproxy(run, "haproxy-accept-proxy", port=9000)
    proxies.haproxy(run, "haproxy-send-proxy-v2", port=8443)
    async with server(run, echo, host="127.0.0.3", port=9001, **PLAIN):
        await talk(run, "wss://localhost:8443/chat", host="127.0.0.2", ssl=context)


@sample("proxy-v2-before-tls.pcapng", programs=["HAProxy", "nginx", "websockets"], legs={"client": "tcp port 8443", "server": "tcp port 9443"}, expect=WORKS,
        key_legs=("client", "server"),
        shows="PROXY v2 in front of TLS 1.3 that passes as it is (`proxies/haproxy-send-proxy-check.cfg`), and LOCAL in front of the health checks; key log")
async def v2_before_tls(run):
    _, context = contexts(run)
    proxies.nginx(run, "nginx-proxy-protocol", port=9443)
    proxies.haproxy(run, "haproxy-send-proxy-check", port=8443)
    async with server(run, echo, host="127.0.0.3", port=9001, **PLAIN):
        await settle(1)
        await talk(run, "wss://localhost:8443/chat", host="127.0.0.2", ssl=context)


@sample("proxy-v1-unknown.pcapng", programs=["nginx", "websockets", "Python"], bpf="tcp port 9000", log=False, expect=[*WORKS, (2, *WORKS[0][1:])],
        shows="PROXY v1 with UNKNOWN, and with IPv6 addresses, in front of upgrades that nginx accepts")
async def v1_unknown(run):
    lab.certificates()
    proxies.nginx(run, "nginx-proxy-protocol", port=9000)
    async with server(run, echo, host="127.0.0.3", port=9001, **PLAIN):
        for line in (b"PROXY UNKNOWN\r\n", b"PROXY TCP6 2001:db8::7 2001:db8::1 51000 443\r\n"):
            head, rest, _ = await asyncio.to_thread(raw.converse, 9000, raw.frame(raw.TEXT, b"hello"), raw.frame(raw.CLOSE, raw.close_body(1000)),
                                                    first=line + raw.request(9000), host="127.0.0.3")
            assert b" 101 " in head and b"hello" in rest, head


# --- sent to a server that does not know it ---------------------------------------------------------------------------


def unexpected(version, library, balancer, answer):
    row = [(1, f"HAProxy sends the PROXY protocol (version {version}) to {library}, which does not know it and answers {answer}", "proxy-protocol-unexpected", "http-status")]

    @sample(f"proxy-{version}-to-{library}.pcapng", programs=["HAProxy", echoes.program(library), "websockets"], log=False, bpf="tcp port 9000", expect=row,
            shows=f"HAProxy sends the PROXY protocol, version {version} (`proxies/{balancer}.cfg`), to {library}, which does not know it: {answer}; captured at the server")
    async def made(run):
        lab.certificates()
        process = echoes.start(run, library, 9000, "127.0.0.3")
        proxies.haproxy(run, balancer)
        await refused(run)
        for line in echoes.words(process)[-3:]:
            run.says(f"server ({library})", line)


unexpected("v1", "websockets", "haproxy-send-proxy", "by closing")
unexpected("v1", "gorilla", "haproxy-send-proxy", "400")
unexpected("v2", "ws", "haproxy-send-proxy-v2", "400")
unexpected("v2", "aiohttp", "haproxy-send-proxy-v2", "400")
unexpected("v2", "tornado", "haproxy-send-proxy-v2", "400")


@sample("proxy-v2-to-nginx.pcapng", programs=["HAProxy", "nginx", "websockets"], log=False, legs=LEGS, expect={
            "server": [(1, "HAProxy sends the PROXY protocol (version 2) to nginx, whose listen line lacks proxy_protocol: 400", "proxy-protocol-unexpected", "http-status")],
            "client": [(1, "the server behind HAProxy, nginx, does not know the PROXY protocol that HAProxy sends: 400", "bad-request", "http-status")]},
        also=["proxy-protocol-unexpected"],
        shows="HAProxy sends the PROXY protocol, version 2, to nginx without `proxy_protocol`: 400; on both sides")
async def v2_to_nginx(run):
    lab.certificates()
    configuration = run.work / "nginx.conf"
    configuration.write_text((proxies.CONF / "nginx-right.conf").read_text().replace("127.0.0.2:8080", "127.0.0.3:9000").replace("127.0.0.3:9000;\n            proxy_http", "127.0.0.3:9001;\n            proxy_http"))
    run.spawn("/usr/sbin/nginx", "-p", run.work, "-c", configuration, port=9000)
    proxies.haproxy(run, "haproxy-send-proxy-v2")
    await refused(run)


@sample("proxy-v2-to-tls-server.pcapng", programs=["HAProxy", "websockets", "OpenSSL"], bpf="tcp port 9443", log=False,
        expect=[(1, "HAProxy sends the PROXY protocol (version 2) in front of TLS to a server that does not know it: it ends TLS", "proxy-protocol-unexpected", "http-status")],
        shows="HAProxy sends the PROXY protocol, version 2, in front of TLS to a Python server that does not know it; captured at the server")
async def v2_to_tls(run):
    server_context, client_context = contexts(run, log_keys=False)
    configuration = run.work / "haproxy.cfg"
    configuration.write_text((proxies.CONF / "haproxy-send-proxy-check.cfg").read_text().replace(" check check-send-proxy check-ssl verify none inter 700ms", "").replace("option httpchk GET /health", ""))
    run.spawn("/usr/sbin/haproxy", "-db", "-f", configuration, port=8443)
    async with server(run, echo, host="127.0.0.3", port=9443, ssl=server_context):
        await refused(run, "wss://localhost:8443/chat", host="127.0.0.2", ssl=client_context)


# --- expected and not sent --------------------------------------------------------------------------------------------


def left_out(name, start, answer, verdict, uri="ws://127.0.0.3:9000/chat", bpf="tcp port 9000", stage="http-status", **options):
    @sample(f"proxy-left-out-{name.lower()}.pcapng", programs=[name, "websockets"], log=False, bpf=bpf,
            also=["proxy-protocol-unexpected"], expect=[(1, f"{name} expects the PROXY protocol here and the client, which comes straight, sends none: {answer}", verdict, stage)],
            shows=f"straight to {name}, which expects the PROXY protocol: {answer}")
    async def made(run):
        _, context = contexts(run, log_keys=False)
        start(run)
        async with server(run, echo, host="127.0.0.3", port=9001, **PLAIN):
            await refused(run, uri, **({"ssl": context, **options} if uri.startswith("wss") else options))


left_out("nginx", lambda run: proxies.nginx(run, "nginx-proxy-protocol", port=9000), "it closes", "closed-without-answer")
left_out("HAProxy", lambda run: proxies.haproxy(run, "haproxy-accept-proxy", port=9000), "it resets", "reset-on-upgrade")
left_out("Apache", lambda run: proxies.apache(run, "apache-proxy-protocol", port=9000), "it closes", "closed-without-answer")


@sample("proxy-left-out-beside.pcapng", programs=["HAProxy", "nginx", "websockets"], log=False, bpf="tcp port 9000",
        expect=[(1, "HAProxy sends the PROXY protocol as nginx expects it: works", "healthy", None),
                (2, "another client goes to nginx past HAProxy and sends no PROXY protocol, which nginx expects: it closes", "proxy-protocol-unexpected", "http-status"),
                (3, "HAProxy sends the PROXY protocol as nginx expects it: works", "healthy", None)],
        shows="two clients through HAProxy with the PROXY protocol, which nginx expects, and between them one that comes straight; captured at the server")
async def left_out_beside(run):
    lab.certificates()
    proxies.nginx(run, "nginx-proxy-protocol", port=9000)
    proxies.haproxy(run, "haproxy-send-proxy")
    async with server(run, echo, host="127.0.0.3", port=9001, **PLAIN):
        await talk(run)
        await refused(run, "ws://127.0.0.3:9000/chat")
        await talk(run)


if __name__ == "__main__":
    lab.main("tunnels")
