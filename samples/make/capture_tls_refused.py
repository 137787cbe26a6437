"""TLS that does not come about: the wrong port, version, name or certificate, silence, and HTTP/1.1 where HTTP/2 was agreed on."""

import asyncio
import os
import signal
import ssl
import subprocess

import lab

lab.enter()

from websockets.exceptions import InvalidHandshake

import echoes
import proxies
import raw
import watchers
from certificates import Authority
from lab import sample
from python_endpoints import client, echo, server, settle
from secure import VERSIONS, contexts

PORT = 8443
URI = f"wss://localhost:{PORT}/chat"


def trusting(folder, version=None):
    """A client's context that trusts the authority of this folder."""
    context = ssl.create_default_context(cafile=folder / "authority.pem")
    if version:
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
        context.minimum_version, context.maximum_version = VERSIONS["1.0"], VERSIONS[version]
    return context


async def refused(run, uri=URI, **options):
    try:
        await client(run, uri, open_timeout=3, **{"host": "127.0.0.1", **options})
        raise SystemExit(f"{run.name}: the attempt was meant to fail")
    except (InvalidHandshake, OSError, TimeoutError, EOFError, ssl.SSLError) as error:
        run.says("client (websockets)", f"{type(error).__name__}: {error}")
    await settle(0.2)


def attempt(run, library, uri, **options):
    for line in watchers.watch(library, uri, 1, **options):
        run.says(f"client ({library})", line)


def node_client(run, uri=URI, options="{}", authority=None):
    environment = dict(os.environ, **({"NODE_EXTRA_CA_CERTS": str(authority)} if authority else {}))
    done = subprocess.run(["node", str(lab.MAKE / "endpoints/watch_client.cjs"), uri, "1", options], text=True, timeout=30, env=environment,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    run.says("client (ws)", done.stdout.strip().splitlines()[0])


def openssl_client(run, *options):
    done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{PORT}", *map(str, options)], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=10)
    said = [line for line in (done.stderr + done.stdout).splitlines() if "error" in line.lower() or "alert" in line.lower()]
    run.says("client (openssl)", (said or ["connected"])[0])


def tls(name, rows, shows, programs, **options):
    def register(function):
        expect = [(number, *row) for number, row in enumerate(rows, 1)]
        sample(f"{name}.pcapng", programs=list(programs), log=False, bpf=f"tcp port {PORT}", expect=expect, shows=shows, **options)(function)

    return register


# --- wss to a port without TLS ----------------------------------------------------------------------------------------


def to_plain(library, answer, client_library):
    cause = f"the client speaks TLS to a port of {library} that speaks plain HTTP: {answer}"

    @tls(f"tls-to-plain-{library}", [(cause, "tls-to-plain-port", "tls", ["tls-closed-in-handshake"] if "closes" in answer else None)],
         f"wss to a plain port of {library}: {answer}", (echoes.program(library), client_library))
    def made(run):
        process = echoes.start(run, library, PORT)
        attempt(run, client_library, f"wss://127.0.0.1:{PORT}/chat")
        for line in echoes.words(process)[-2:]:
            run.says(f"server ({library})", line)


to_plain("websockets", "it closes", "ws")
to_plain("ws", "it answers 400 in the clear", "websockets")
to_plain("gorilla", "it answers 400 in the clear", "Java")


# --- ws to a port with TLS --------------------------------------------------------------------------------------------


def to_tls(program, start, answer, also=None, library="websockets"):
    @tls(f"plain-to-tls-{program.lower().split('.')[0]}", [(f"the client speaks plain HTTP to a port of {program} that wants TLS: {answer}", "plain-to-tls-port", "http-status", also)],
         f"ws to a TLS port of {program}: {answer}", (program, library))
    def made(run):
        lab.certificates()
        start(run)
        attempt(run, library, f"ws://127.0.0.1:{PORT}/chat")


PEM, SECRET, BOTH = (f"/tmp/wireloupe-lab/certificate/localhost.{end}" for end in ("pem", "key", "both"))
# proxies/apache-tls.conf
to_tls("Apache", lambda run: proxies.apache(run, "apache-tls", port=PORT), "it answers 400 in the clear")
to_tls("OpenSSL", lambda run: run.spawn("openssl", "s_server", "-accept", f"127.0.0.1:{PORT}", "-cert", PEM, "-key", SECRET, port=PORT, stdin=subprocess.PIPE),
       "it closes", library="ws")
to_tls("GnuTLS", lambda run: run.spawn("gnutls-serv", "--echo", "-p", PORT, "--x509certfile", PEM, "--x509keyfile", SECRET, port=PORT), "it sends a TLS alert")
to_tls("Node.js", lambda run: run.spawn("node", "-e", "const fs=require('fs');require('https').createServer({cert:fs.readFileSync('%s'),key:fs.readFileSync('%s')}).listen(%d,'127.0.0.1')"
                                        % (PEM, SECRET, PORT), port=PORT), "it closes")
to_tls("HAProxy", lambda run: proxies.haproxy(run, "haproxy-tls-names", port=PORT), "it closes")
to_tls("stunnel", lambda run: stunnel(run), "it resets", library="ws")


def stunnel(run):
    (run.work / "stunnel.conf").write_text(f"foreground = yes\npid =\n[chat]\naccept = 127.0.0.1:{PORT}\nconnect = 127.0.0.1:9000\ncert = {BOTH}\n")
    return run.spawn("stunnel4", run.work / "stunnel.conf", port=PORT)


# --- ended on the ClientHello, or never answered ----------------------------------------------------------------------


@tls("tls-name-unknown-nginx", [("nginx has no site of this name and rejects the handshake (alert unrecognized_name)", "tls-server-name-unknown", "tls")],
     "nginx with ssl_reject_handshake (`proxies/nginx-tls-names.conf`): alert unrecognized_name", ("nginx", "websockets", "OpenSSL"))
async def name_nginx(run):
    _, context = contexts(run, log_keys=False)
    context.check_hostname = False
    proxies.nginx(run, "nginx-tls-names", port=PORT)
    await refused(run, f"wss://other.example:{PORT}/chat", ssl=context)


@tls("tls-name-unknown-haproxy", [("HAProxy has no certificate for this name and ends the handshake (strict-sni, alert unrecognized_name)", "tls-server-name-unknown", "tls")],
     "HAProxy with strict-sni (`proxies/haproxy-tls-names.cfg`) and a name it has no certificate for", ("HAProxy", "ws"))
def name_haproxy(run):
    lab.certificates()
    proxies.haproxy(run, "haproxy-tls-names", port=PORT)
    node_client(run, f"wss://127.0.0.1:{PORT}/chat", '{"servername":"other.example","rejectUnauthorized":false}')


@tls("tls-name-unknown-sniproxy", [("sniproxy routes by the name, knows no such one, and closes", "tls-server-name-unknown", "tls", ["tls-alert", "tls-closed-in-handshake"])],
     "sniproxy, which routes by SNI, and a name that it has no route for", ("sniproxy", "websockets", "OpenSSL"))
async def name_sniproxy(run):
    (run.work / "sniproxy.conf").write_text(f"user root\nlistener 127.0.0.1:{PORT} {{\n proto tls\n table hosts\n}}\ntable hosts {{\n chat.example 127.0.0.1:9000\n}}\n")
    run.spawn("sniproxy", "-f", "-c", run.work / "sniproxy.conf", port=PORT)
    _, context = contexts(run, log_keys=False)
    context.check_hostname = False
    await refused(run, f"wss://other.example:{PORT}/chat", ssl=context)


@tls("tls-version-nginx", [("nginx takes TLS 1.3 only, the client offers 1.2 at most (alert protocol_version)", "tls-version-unsupported", "tls"),
                           ("the client offers TLS 1.0 at most, which its own library then refuses to send or nginx to take", "tls-version-unsupported", "tls")],
     "nginx with TLS 1.3 only (`proxies/nginx-tls13-only.conf`), clients with 1.2 and 1.0 at most", ("nginx", "websockets", "OpenSSL"))
async def version_nginx(run):
    lab.certificates()
    proxies.nginx(run, "nginx-tls13-only", port=PORT)
    for version in ("1.2", "1.0"):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
        context.minimum_version, context.maximum_version = VERSIONS["1.0"], VERSIONS[version]
        await refused(run, ssl=context)


@tls("tls-version-gnutls", [("the client insists on TLS 1.3, the server (GnuTLS) does 1.2 at most: it ends the handshake (alert handshake_failure)", "tls-version-unsupported", "tls", ["tls-alert"])],
     "gnutls-serv with TLS 1.2 at most, a client with 1.3 at least", ("GnuTLS", "websockets", "OpenSSL"))
async def version_gnutls(run):
    lab.certificates()
    run.spawn("gnutls-serv", "--echo", "-p", PORT, "--x509certfile", PEM, "--x509keyfile", SECRET, "--priority", "NORMAL:-VERS-TLS1.3", port=PORT)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = VERSIONS["1.3"]
    await refused(run, ssl=context)


@tls("tls-unanswered", [("the program behind the port hangs (SIGSTOP): the kernel accepts, nobody answers the ClientHello", "tls-unanswered", "tls")],
     "nginx, stopped with SIGSTOP: the connection opens and the ClientHello is never answered", ("nginx", "websockets", "OpenSSL"))
async def unanswered(run):
    _, context = contexts(run, log_keys=False)
    process = proxies.nginx(run, "nginx-tls13-only", port=PORT)
    os.killpg(process.pid, signal.SIGSTOP)
    try:
        await refused(run, ssl=context)
    finally:
        os.killpg(process.pid, signal.SIGCONT)


@tls("tls-unanswered-plain", [("the port belongs to a program (Redis) that waits for more of what it does not understand", "tls-unanswered", "tls", ["tls-to-plain-port", "tls-closed-in-handshake"])],
     "wss to a port of Redis, which does not know what to make of a ClientHello", ("Redis", "ws"))
def unanswered_plain(run):
    run.spawn("redis-server", "--port", PORT, "--bind", "127.0.0.1", "--save", "", port=PORT)
    node_client(run, f"wss://127.0.0.1:{PORT}/chat")


# --- alerts -----------------------------------------------------------------------------------------------------------


@tls("tls-no-common-suite", [("client and server have no cipher suite in common (alert handshake_failure)", "tls-alert", "tls")],
     "OpenSSL with AES-256-GCM only and a client with ChaCha20 only (TLS 1.2): alert handshake_failure", ("OpenSSL", "websockets"))
async def no_suite(run):
    lab.certificates()
    run.spawn("openssl", "s_server", "-accept", f"127.0.0.1:{PORT}", "-cert", PEM, "-key", SECRET, "-tls1_2", "-cipher", "ECDHE-RSA-AES256-GCM-SHA384", port=PORT, stdin=subprocess.PIPE)
    _, context = contexts(run, "1.2", "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305", log_keys=False)
    await refused(run, ssl=context)


@tls("tls-no-common-suite-closed", [("client and server have no cipher suite in common; Python's asyncio closes on the ClientHello without an alert", "tls-closed-in-handshake", "tls")],
     "a Python server with AES-256-GCM only and a client with ChaCha20 only (TLS 1.2): closed on the ClientHello, no alert, no certificate", ("websockets", "OpenSSL"))
async def no_suite_closed(run):
    server_context, _ = contexts(run, "1.2", "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384", log_keys=False)
    _, client_context = contexts(run, "1.2", "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305", log_keys=False)
    async with server(run, echo, port=PORT, ssl=server_context):
        await refused(run, ssl=client_context)


@tls("tls-no-common-protocol", [("the client's ALPN offers http/1.1, the server takes h2 only (alert no_application_protocol)", "tls-alpn-unsupported", "tls")],
     "ALPN: a client that offers http/1.1 at a server that takes h2 only: alert no_application_protocol", ("HAProxy", "OpenSSL"))
def no_protocol(run):
    lab.certificates()
    run.spawn("openssl", "s_server", "-accept", f"127.0.0.1:{PORT}", "-cert", PEM, "-key", SECRET, "-alpn", "h2", port=PORT, stdin=subprocess.PIPE)
    openssl_client(run, "-alpn", "http/1.1", "-servername", "localhost")


def certificate_required(program, start, version, how, also=None):
    @tls(f"tls-client-certificate-{program.lower()}-{version}", [(f"{program} asks for a client certificate, the client has none: {how}", "tls-client-certificate-required", "tls", also)],
         f"{program} requires a client certificate, TLS {version}, without keys: {how}", (program, "websockets", "OpenSSL"))
    async def made(run):
        lab.certificates()
        start(run)
        _, context = contexts(run, version, log_keys=False)
        await refused(run, ssl=context)


# proxies/haproxy-client-certificate.cfg and proxies/nginx-client-certificate-local.conf
certificate_required("HAProxy", lambda run: proxies.haproxy(run, "haproxy-client-certificate", port=PORT), "1.2", "an alert inside the handshake")
certificate_required("HAProxy", lambda run: proxies.haproxy(run, "haproxy-client-certificate", port=PORT), "1.3", "an alert that is encrypted; only its length shows",
                     ["tls-closed-in-handshake", "tls-alert"])
certificate_required("nginx", lambda run: proxies.nginx(run, "nginx-client-certificate-local", port=PORT), "1.2", "an empty Certificate is taken, and a 400 comes inside TLS")


# --- certificates, seen in TLS 1.2 ------------------------------------------------------------------------------------

FAULTS = {
    "expired": ({"until": -3}, "expired three days ago"),
    "not-yet": ({"since": 5}, "is not valid before five days from now"),
    "name": ({"names": ("chat.example", "www.chat.example")}, "is for chat.example and not for localhost"),
    "issuer": ({}, "comes from an authority that the client does not know"),
}


def serve_certificate(run, fault):
    options, _ = FAULTS[fault]
    stranger = Authority(run.work, "Some Other Root", "stranger") if fault == "issuer" else None
    ours = Authority(run.work)
    path = (stranger or ours).issue("site", **options)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path.with_suffix(".pem"), path.with_suffix(".key"))
    context.maximum_version = VERSIONS["1.2"]
    return server(run, echo, port=PORT, ssl=context)


def certificate(fault, library):
    _, what = FAULTS[fault]
    silent = ["tls-closed-in-handshake"] if fault == "issuer" else None

    @tls(f"tls-certificate-{fault}-{library.lower()}", [(f"the server's certificate {what}; {library} refuses it", "tls-certificate-untrusted", "tls", silent)],
         f"TLS 1.2: a certificate that {what}, at {library}", ("websockets", "OpenSSL", library))
    async def made(run):
        async with serve_certificate(run, fault):
            if library == "ws":
                await asyncio.to_thread(node_client, run, URI, authority=run.work / "authority.pem")
            elif library == "OpenSSL":
                await asyncio.to_thread(openssl_client, run, "-CAfile", run.work / "authority.pem", "-verify_return_error", "-verify_hostname", "localhost", "-servername", "localhost")
            elif library == "curl":
                done = await asyncio.to_thread(subprocess.run, ["curl", "-sS", "--cacert", str(run.work / "authority.pem"), f"https://localhost:{PORT}/chat"], capture_output=True, text=True)
                run.says("client (curl)", done.stderr.strip().splitlines()[0])
            elif library == "Java":
                await asyncio.to_thread(attempt, run, "Java", URI)
            else:
                await refused(run, ssl=trusting(run.work))
            await settle(0.2)


for each in ("expired", "name", "issuer"):
    certificate(each, "websockets")
certificate("expired", "ws")
certificate("name", "ws")
certificate("not-yet", "OpenSSL")
certificate("name", "curl")
certificate("issuer", "Java")


# --- HTTP/2 agreed on, HTTP/1.1 sent ----------------------------------------------------------------------------------


def h2_agreed(program, start, version="1.2"):
    @tls(f"alpn-h2-{program.lower().removesuffix('.js')}-no-keys", [(f"ALPN chose h2 ({program}, TLS {version}, no keys), and the client then sent an HTTP/1.1 upgrade", "alpn-h2-http11-upgrade", "tls")],
         f"ALPN agrees on h2 with {program} over TLS {version}, the client sends an HTTP/1.1 upgrade all the same; no keys", (program, "Python", "OpenSSL"), uncertain=True)
    async def made(run):
        lab.certificates()
        async with start(run):
            _, context = contexts(run, version, log_keys=False, alpn=["h2", "http/1.1"])
            reader, writer = await asyncio.open_connection("127.0.0.1", PORT, ssl=context, server_hostname="localhost")
            writer.write(raw.request(PORT))
            try:
                run.says("client (Python)", f"got {await asyncio.wait_for(reader.read(200), 2)}")
            except (TimeoutError, OSError) as error:
                run.says("client (Python)", f"{type(error).__name__}")
            writer.close()
            await settle(0.3)


class spawned:
    """A program that runs while the block does."""

    def __init__(self, *command):
        self.command = command

    async def __aenter__(self):
        self.run.spawn(*self.command, port=PORT)

    async def __aexit__(self, *_):
        pass

    def __call__(self, run):
        self.run = run
        return self


def hypercorn(run):
    from http2_endpoints import hypercorn_server

    return hypercorn_server(PORT, tls=(PEM, SECRET))


NODE_H2 = ("const fs=require('fs');require('http2').createSecureServer({cert:fs.readFileSync('%s'),key:fs.readFileSync('%s')},(q,r)=>r.end('hello')).listen(%d,'127.0.0.1')" % (PEM, SECRET, PORT))
h2_agreed("Hypercorn", hypercorn)
h2_agreed("nghttpd", spawned("nghttpd", "-a", "127.0.0.1", PORT, SECRET, PEM))
h2_agreed("Node.js", spawned("node", "-e", NODE_H2))


if __name__ == "__main__":
    lab.main("tls-failures")
