"""Answers to an upgrade that are no usable HTTP: another protocol, garbage, half a head; requests that never end; and 101s that only lenient clients take."""

import asyncio
import time

import lab

lab.enter()

import proxies
import raw
import watchers
from browser import browse
from lab import sample

PORT = 9070
URI = f"ws://127.0.0.1:{PORT}/chat"


def attempt(run, library, *arguments, times=1):
    for line in watchers.watch(library, URI, times, *arguments):
        run.says(f"client ({library})", line)


# --- another protocol -------------------------------------------------------------------------------------------------


@sample("answer-smtp.pcapng", programs=["aiosmtpd", "websockets"], log=False,
        expect=[(1, "the port belongs to a mail server: its banner (220) comes instead of an HTTP answer", "not-http", "http-status")],
        shows="the upgrade is sent to an SMTP server (aiosmtpd), which greets with 220 and answers 500")
def smtp(run):
    run.spawn(lab.PYTHON, "-m", "aiosmtpd", "-n", "-l", f"127.0.0.1:{PORT}", port=PORT)
    attempt(run, "websockets")


@sample("answer-ssh.pcapng", programs=["OpenSSH", "ws"], log=False,
        expect=[(1, "the port belongs to an SSH server: SSH-2.0 comes instead of an HTTP answer", "not-http", "http-status")],
        shows="the upgrade is sent to an SSH server, which greets with its version and closes")
def ssh(run):
    lab.subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(run.work / "host")], check=True)
    lab.os.makedirs("/run/sshd", exist_ok=True)
    run.spawn("/usr/sbin/sshd", "-D", "-e", "-f", "/dev/null", "-h", run.work / "host", "-p", PORT, "-o", "ListenAddress=127.0.0.1", port=PORT)
    attempt(run, "ws")


def scripted(name, answer, cause, verdict, library, end=None, findings=None, also=None, shows=None):
    """A raw server with one answer."""

    def conversation(sock, head):
        sock.sendall(answer)
        time.sleep(0.1)
        if end == "rst":
            lab.reset(sock)
        elif end == "silence":
            raw.drain(sock, 6)

    @sample(f"answer-{name}.pcapng", programs=[library, "Python"], log=False, findings=findings, also=also,
            expect=[(1, cause, verdict, "http-status")], shows=shows or cause)
    def made(run):
        with raw.server([conversation], PORT):
            attempt(run, library)


HALF = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnec"
scripted("garbage", bytes(range(128, 256)) + b"\x00\x01\x02\r\n\r\n", "the server answers with bytes of no protocol", "not-http", "websockets")
scripted("half-head", HALF, "the server's answer ends (FIN) in the middle of its head", "response-cut-off", "websockets")
scripted("half-head-reset", HALF, "the server's answer ends (RST) in the middle of its head", "response-cut-off", "ws", end="rst")
scripted("half-head-silence", HALF, "the server's answer stops in the middle of its head; the client gives up", "response-cut-off", "ws", end="silence")
scripted("half-line", b"HTTP/1.", "the server's answer ends (FIN) inside its first line", "response-cut-off", "Java")
scripted("page-without-head", b"<html><body><h1>It works!</h1></body></html>\n", "the server answers with a page without a head (HTTP/0.9)", "not-http", "ws")


# --- HTTP/2 only ------------------------------------------------------------------------------------------------------


def http2_only(program, command, library):
    @sample(f"answer-http2-{program.split('.')[0].lower()}.pcapng", programs=[program, library], log=False,
            expect=[(1, f"the port speaks HTTP/2 only ({program}): SETTINGS come instead of an HTTP/1.1 answer", "http2-only-port", "http-status")],
            shows=f"the upgrade is sent to a port that speaks HTTP/2 only ({program}): SETTINGS, then GOAWAY or a close")
    def made(run):
        run.spawn(*command, port=PORT)
        attempt(run, library)


NODE_HTTP2 = f"require('http2').createServer((q,r)=>r.end('hello')).listen({PORT},'127.0.0.1')"
http2_only("nghttpd", ["nghttpd", "--no-tls", "-a", "127.0.0.1", PORT], "websockets")
http2_only("Node.js", ["node", "-e", NODE_HTTP2], "ws")


# --- requests that never end ------------------------------------------------------------------------------------------


def half_request(program, start, answer, configuration, verdict="request-timeout", also=None):
    @sample(f"half-request-{program.split('.')[0].lower()}.pcapng", programs=[program, "Python"], log=False, also=also,
            expect=[(1, f"the client's request stops in the middle of its head; {program} waits a second and {answer}", verdict, "http-status")],
            shows=f"half an upgrade request, then nothing: {program} ({configuration}) {answer}")
    def made(run):
        start(run)
        got, _, how = raw.converse(PORT, first=raw.request(PORT)[:90], wait=4)
        run.says("client (raw)", f"{got.splitlines()[0].decode() if got else 'nothing'}, then {how}")


def node(run):
    code = (f"const s=require('http').createServer({{connectionsCheckingInterval:200,headersTimeout:1000,requestTimeout:1000}},(q,r)=>r.end());"
            f"s.on('upgrade',(q,k)=>k.destroy());s.listen({PORT},'127.0.0.1')")
    run.spawn("node", "-e", code, port=PORT)


half_request("nginx", lambda run: proxies.nginx(run, "nginx-impatient", port=PORT), "closes without a word", "`proxies/nginx-impatient.conf`",
             also=["closed-without-answer", "request-cut-off"])
half_request("Apache", lambda run: proxies.apache(run, "apache-impatient", port=PORT), "answers 408", "`proxies/apache-impatient.conf`")
half_request("HAProxy", lambda run: proxies.haproxy(run, "haproxy-impatient", port=PORT), "answers 408", "`proxies/haproxy-impatient.cfg`")
half_request("Node.js", node, "answers 408", "headersTimeout")


# --- 101s that only lenient clients take ------------------------------------------------------------------------------

ODD = {
    "over HTTP/1.0": lambda head: raw.response(head, first=b"HTTP/1.0 101 Switching Protocols"),
    "with bare LF": lambda head: raw.response(head).replace(b"\r\n", b"\n"),
    "with http/1.1 in small letters": lambda head: raw.response(head, first=b"http/1.1 101 Switching Protocols"),
    "after a 103 (Early Hints)": lambda head: b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n" + raw.response(head),
    "without a reason phrase": lambda head: raw.response(head, first=b"HTTP/1.1 101 "),
    "with a space before a colon": lambda head: raw.response(head).replace(b"Upgrade: w", b"Upgrade : w"),
}
# Codes under which a verdict may say that the client refused a 101 of a form that RFC 9112 does not allow.
REFUSED = ["http-version-too-old", "not-http", "upgrade-refused"]


def odd_101(library, watch):
    def conversation(answer, got):
        def talk(sock, head):
            sock.sendall(answer(head))
            heard, how = raw.drain(sock, 0.5)
            opcodes = [opcode for opcode, _ in raw.frames(heard)]
            if raw.TEXT not in opcodes:
                got.append("ended TCP" if how != "silence" else "waited")
                return
            sock.sendall(raw.frame(raw.TEXT, b"hello", mask=False) + raw.frame(raw.CLOSE, raw.close_body(1000), mask=False))
            answered = raw.close_of(raw.drain(sock, 0.5)[0])
            got.append(None if answered else "sent a frame and read none")

        return talk

    @sample(f"odd-101-{library.lower()}.pcapng", programs=[library, "Python"], log=False, bpf=f"tcp port {PORT}",
            shows=f"101s over HTTP/1.0, with bare LF, in small letters, after a 103, without a reason and with a space before a colon, at {library}: some it takes, some it refuses")
    async def made(run):
        got = []
        with raw.server([conversation(answer, got) for answer in ODD.values()], PORT):
            said = await watch(run)
        run.expect = []
        for number, (name, refusal) in enumerate(zip(ODD, got), 1):
            cause = f"a 101 {name}, which {library} {f'refuses: it {refusal}' if refusal else 'takes: it works'}"
            run.expect.append((number, cause, "upgrade-header-invalid", "handshake", REFUSED) if refusal else (number, cause, "healthy", None))
            print(f"  {cause}")
        for line in said:
            run.says(f"client ({library})", line)
        assert len(got) == len(ODD), got


def program(library):
    async def watch(run):
        return await asyncio.to_thread(watchers.watch, library, URI, len(ODD))

    odd_101(library, watch)


async def chromium(run):
    return [f"{line['code']} {line['reason']}" for line in await browse(run, URI, list("123456"), file="watch.html")]


for each in ("websockets", "ws", "Java", "aiohttp"):
    program(each)
odd_101("Chromium", chromium)


if __name__ == "__main__":
    lab.main("refusals")
