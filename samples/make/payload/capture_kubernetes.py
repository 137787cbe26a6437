"""Kubernetes' channels: PyPI kubernetes runs commands over exec and forwards a port; the server is a small one that runs real commands here.

The log is what the client writes to a channel, and what the server does."""

import asyncio
import base64
import json
import struct
import time
from urllib.parse import parse_qs, urlsplit

import stage

stage.enter()

import kubernetes
from kubernetes.stream import portforward, stream, ws_client

from python_endpoints import client, server, settle
from stage import sample

PORT = 9033
STDIN, STDOUT, STDERR, ERROR, RESIZE = range(5)
V5 = "v5.channel.k8s.io"


def status(code):
    if code == 0:
        return {"metadata": {}, "status": "Success"}
    causes = [{"reason": "ExitCode", "message": str(code)}]
    return {"metadata": {}, "status": "Failure", "reason": "NonZeroExitCode", "message": f"command terminated with non-zero exit code: {code}",
            "details": {"causes": causes}}


class Server:
    def __init__(self, run):
        self.run, self.connections = run, 0

    async def handle(self, connection):
        self.connections += 1
        number, query = self.connections, parse_qs(urlsplit(connection.request.path).query)

        async def send(channel, data):
            self.run.unit(number, "server", "kubernetes", **{"kubernetes.channel": channel})
            if (connection.subprotocol or "").startswith("base64"):
                await connection.send(str(channel) + base64.b64encode(data).decode())
            else:
                await connection.send(bytes([channel]) + data)

        if "ports" in query:
            await self.forward(connection, send, [int(port) for port in query["ports"][0].split(",")])
        else:
            await self.execute(connection, send, query["command"])

    async def execute(self, connection, send, command):
        process = await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
                                                       stderr=asyncio.subprocess.PIPE)

        async def carry(channel, source):
            while data := await source.read(100):
                await send(channel, data)

        async def receive():
            async for message in connection:
                data = message if isinstance(message, bytes) else message.encode()
                if data[0] == STDIN:
                    process.stdin.write(data[1:])
                elif data[0] == ord("0"):
                    process.stdin.write(base64.b64decode(data[1:]))
                if data == b"\xff\x00":
                    process.stdin.close()

        receiving = asyncio.create_task(receive())
        await asyncio.gather(carry(STDOUT, process.stdout), carry(STDERR, process.stderr))
        await send(ERROR, json.dumps(status(await process.wait())).encode())
        await connection.close(1000)
        receiving.cancel()

    async def forward(self, connection, send, ports):
        for n, port in enumerate(ports):
            for channel in (2 * n, 2 * n + 1):
                await send(channel, struct.pack("<H", port))
        async for message in connection:
            if message[0] == 0:
                await send(0, b"answer: " + message[1:])
            else:
                await send(message[0] + 1, b"nothing listens there")


def watched(run, connection):
    """Log what the client of the next connection writes."""
    write, close = ws_client.WSClient.write_channel, ws_client.WSClient.close_channel

    def written(self, channel, data):
        run.unit(connection, "client", "kubernetes", **{"kubernetes.channel": channel})
        return write_first(self, channel, data)

    def closed(self, channel):
        if self.subprotocol == V5:
            run.unit(connection, "client", "kubernetes", **{"kubernetes.channel": 255})
        return close_first(self, channel)

    write_first, close_first = getattr(write, "first", write), getattr(close, "first", close)
    written.first, closed.first = write_first, close_first
    ws_client.WSClient.write_channel, ws_client.WSClient.close_channel = written, closed


def talk(run, before):
    configuration = kubernetes.client.Configuration(host=f"http://127.0.0.1:{PORT}")
    configuration.api_key = {"authorization": "Bearer sesame-4711"}
    api = kubernetes.client.CoreV1Api(kubernetes.client.ApiClient(configuration))
    options = {"stderr": True, "stdin": True, "stdout": True, "tty": False, "_preload_content": False}

    def execute(connection, command, texts):
        watched(run, before + connection)
        it = stream(api.connect_get_namespaced_pod_exec, "tea", "lab", command=command, **options)
        for text in texts:
            it.write_stdin(text)
            it.update(timeout=0.2)
        it.write_channel(RESIZE, json.dumps({"Width": 80, "Height": 24}))
        if it.subprotocol == V5:
            it.close_channel(STDIN)
        it.run_forever(timeout=3)
        it.close()

    execute(1, ["sh", "-c", 'read line; echo "out: $line"; echo "err: $line" >&2; read line; echo "$line" | tr a-z A-Z; exit 3'], ["Grüße\n", "second line\n"])
    execute(2, ["echo", "Grüße, 世界"], [])


def forward(run):
    configuration = kubernetes.client.Configuration(host=f"http://127.0.0.1:{PORT}")
    api = kubernetes.client.CoreV1Api(kubernetes.client.ApiClient(configuration))
    it = portforward(api.connect_get_namespaced_pod_portforward, "tea", "lab", ports="8080,9090")
    for channel, port, text in ((0, 8080, b"GET / HTTP/1.0\r\n\r\n"), (2, 9090, b"x")):
        run.unit(1, "client", "kubernetes", **{"kubernetes.channel": channel})
        socket = it.socket(port)
        socket.setblocking(True)
        socket.sendall(text)
        time.sleep(0.2)
    it.close()


@sample("kubernetes-exec.pcapng", programs=["kubernetes", "websockets"], bpf=f"tcp port {PORT}",
        shows="Kubernetes exec: v4.channel.k8s.io and v5 (the closing of stdin), stdin, stdout, stderr, resize, status with exit codes 3 and 0, "
              "base64.channel.k8s.io; a bearer token; the server is a small one")
async def execute(run):
    it = Server(run)
    for tokens in (["v4.channel.k8s.io"], [V5]):
        async with server(run, it.handle, port=PORT, subprotocols=tokens, compression=None):
            await asyncio.to_thread(talk, run, it.connections)
        run.log.opened["client"] = run.log.opened["server"]
    async with server(run, it.handle, port=PORT, subprotocols=["base64.channel.k8s.io"], compression=None):
        uri = f"ws://127.0.0.1:{PORT}/api/v1/namespaces/lab/pods/tea/exec?command=head&command=-n1"
        async with client(run, uri, subprotocols=["base64.channel.k8s.io"], compression=None) as connection:
            run.unit(it.connections, "client", "kubernetes", **{"kubernetes.channel": 0})
            await connection.send("0" + base64.b64encode("Grüße\n".encode()).decode())
            await settle(0.3)


@sample("kubernetes-portforward.pcapng", programs=["kubernetes", "websockets"], bpf=f"tcp port {PORT}",
        shows="Kubernetes port-forward: two ports, a data and an error channel each; the server is a small one")
async def ports(run):
    async with server(run, Server(run).handle, port=PORT, subprotocols=["v4.channel.k8s.io"], compression=None):
        await asyncio.to_thread(forward, run)
        await settle(0.3)


if __name__ == "__main__":
    stage.main()
