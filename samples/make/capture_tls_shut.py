"""TLS that stays shut though its keys are there: suites that are rare now, SSL 3.0; and keys in comments of the capture."""

import json
import subprocess

import lab

lab.enter()

from lab import sample
from python_endpoints import PLAIN, client, echo, server, settle
from secure import contexts

PORT = 8443
URI = f"wss://localhost:{PORT}/chat"
NODE_8 = lab.LAB / "node8"


def works(suites):
    return [(n, f"{suite}: a healthy WebSocket once it is decrypted", "healthy", None) for n, suite in enumerate(suites, 1)]


async def over(run, version, suites, protocol=None):
    """One connection for each suite, between Python endpoints with OpenSSL."""
    for suite in suites:
        server_context, client_context = contexts(run, version, suite)
        async with server(run, echo, port=PORT, ssl=server_context, **PLAIN):
            async with client(run, URI, host="127.0.0.1", ssl=client_context, **PLAIN) as c:
                await c.send(f"hello over {suite}")
                await c.recv()
        await settle(0.1)


OPEN = ["NULL-SHA256", "NULL-SHA", "CAMELLIA128-SHA", "CAMELLIA256-SHA256", "ECDHE-RSA-CAMELLIA128-SHA256", "ECDHE-ECDSA-CAMELLIA256-SHA384"]


@sample("tls-suites-null-camellia.pcapng", programs=["OpenSSL", "websockets"], bpf=f"tcp port {PORT}", expect=works(OPEN),
        shows="TLS 1.2 with NULL-SHA256, NULL-SHA and four Camellia suites (CBC), with a key log")
async def null_camellia(run):
    await over(run, "1.2", OPEN)


SHUT = ["ARIA128-GCM-SHA256", "ECDHE-ARIA256-GCM-SHA384"]


@sample("tls-suites-aria.pcapng", programs=["OpenSSL", "websockets"], bpf=f"tcp port {PORT}", partial="these suites are not decrypted",
        shows="TLS 1.2 with two suites of ARIA, with a key log: the keys are there, what they open is not read")
async def aria(run):
    await over(run, "1.2", SHUT)


def node_8(run, suites):
    """Connections between ws 7 endpoints under Node 8, whose OpenSSL is 1.0.2; the key log is made of the master secrets that the client's sessions hold."""
    if not (NODE_8 / "node_modules/node/bin/node").exists():
        NODE_8.mkdir(exist_ok=True)
        (NODE_8 / "package.json").write_text('{"private":true}')
        subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--silent", "node@8", "ws@7"], cwd=NODE_8, check=True)
    where = lab.certificates()
    done = subprocess.run([str(NODE_8 / "node_modules/node/bin/node"), str(lab.MAKE / "endpoints/old_suites.cjs"), str(where / "localhost.pem"), str(where / "localhost.key"), str(PORT), *suites],
                          text=True, timeout=60, stdout=subprocess.PIPE, env=dict(lab.os.environ, NODE_PATH=str(NODE_8 / "node_modules")), check=True)
    run.log.take(done.stdout)
    run.masters = [json.loads(line[1:]) for line in done.stdout.splitlines() if line.startswith("#")]


def key_log(run):
    """CLIENT_RANDOM lines: the randoms are those of the ClientHellos in the capture, in the order of the connections."""
    found = subprocess.run(["tshark", "-r", str(run.path(None)), "-d", f"tcp.port=={PORT},tls", "-Y", "tls.handshake.type == 1", "-T", "fields", "-e", "tls.handshake.random"],
                           capture_output=True, text=True, check=True).stdout.split()
    lines = [f"CLIENT_RANDOM {random} {each['master']}\n" for random, each in zip(found, run.masters, strict=True)]
    run.keys.write_text("".join(lines))


OLD = ["RC4-SHA", "RC4-MD5", "ECDHE-RSA-RC4-SHA", "DES-CBC3-SHA", "ECDHE-RSA-DES-CBC3-SHA", "CAMELLIA256-SHA"]


@sample("tls-suites-rc4-3des.pcapng", programs=["Node.js 8.17.0", "OpenSSL 1.0.2", "ws 7"], bpf=f"tcp port {PORT}", expect=works(OLD), after=key_log,
        shows="TLS 1.2 with RC4 and 3DES suites between Node 8 endpoints, with a key log")
def rc4(run):
    node_8(run, OLD)


@sample("tls-suites-seed-idea.pcapng", programs=["Node.js 8.17.0", "OpenSSL 1.0.2", "ws 7"], bpf=f"tcp port {PORT}", after=key_log, partial="these suites are not decrypted",
        shows="TLS 1.2 with SEED and IDEA between Node 8 endpoints, with a key log: the keys are there, what they open is not read")
def seed(run):
    node_8(run, ["SEED-SHA", "IDEA-CBC-SHA"])


@sample("tls-ssl3.pcapng", programs=["Java"], bpf=f"tcp port {PORT}", log=False, shows="a WebSocket over SSL 3.0 between Java endpoints; no keys")
def ssl3(run):
    where, store = lab.certificates(), run.work / "store.p12"
    subprocess.run(["openssl", "pkcs12", "-export", "-in", where / "localhost.pem", "-inkey", where / "localhost.key", "-out", store, "-passout", "pass:secret"], check=True)
    done = subprocess.run(["java", str(lab.MAKE / "endpoints/Ssl3.java"), str(store), "secret", str(PORT)], capture_output=True, text=True, timeout=60)
    print(f"  {done.stdout.strip()} {done.stderr.strip()[-300:]}")
    assert "SSLv3" in done.stdout, done.stderr


# --- keys in comments -------------------------------------------------------------------------------------------------


def commented(option):
    """Put the key log into a comment of the capture, as some tools hand it on, and take the file away."""

    def after(run):
        keys, path = run.keys.read_text(), run.path(None)
        lines = "\n".join(line for line in keys.splitlines() if not line.startswith("#"))
        plain = run.work / "plain.pcapng"
        path.rename(plain)
        subprocess.run(["editcap", *(["--capture-comment", lines] if option == "capture" else ["-a", f"1:{lines}"]), str(plain), str(path)], check=True)
        path.write_bytes(lab.without_machine(path.read_bytes()))
        run.keys.unlink()

    return after


def in_comment(name, option, version, shows):
    @sample(f"tls-keys-in-{name}.pcapng", programs=["websockets", "OpenSSL", "editcap"], bpf=f"tcp port {PORT}", after=commented(option), shows=shows,
            expect=[(1, "the keys are in a comment: a healthy WebSocket once it is decrypted", "healthy", None)])
    async def made(run):
        await over(run, version, [None])


in_comment("capture-comment", "capture", "1.2", "TLS 1.2; the key log (CLIENT_RANDOM ...) is the comment of the capture (`editcap --capture-comment`)")
in_comment("capture-comment-tls13", "capture", "1.3", "TLS 1.3; the key log is the comment of the capture")
in_comment("packet-comment", "packet", "1.2", "TLS 1.2; the key log is the comment of the first packet (`editcap -a`)")


if __name__ == "__main__":
    lab.main("tls-failures")
