"""Connections of other protocols, joined in the middle: none is a WebSocket, and nothing may be found in them."""

import asyncio
import socket
import struct
import subprocess
import time

import lab

lab.enter()


from lab import sample

PORT = 9130


def other(name, programs, shows):
    def register(function):
        sample(f"lookalike-{name}.pcapng", programs=programs, late=True, log=False, bpf=f"tcp port {PORT}", shows=f"joined in the middle: {shows}; no WebSocket")(function)

    return register


def question(n):
    """A DNS query for `hostN.lab.example`, with the two bytes of length that TCP puts before it."""
    name = b"".join(bytes([len(label)]) + label for label in (b"host%d" % n, b"lab", b"example")) + b"\0"
    body = struct.pack("!HHHHHH", 0x1A00 + n, 0x0100, 1, 0, 0, 0) + name + struct.pack("!HH", 1, 1)
    return struct.pack("!H", len(body)) + body


@other("dns", ["dnsmasq", "Python"], "DNS over TCP with dnsmasq, many questions on one connection: 00 and a length before each")
def dns(run):
    hosts = [f"--host-record=host{n}.lab.example,10.0.{n}.1" for n in range(24)]
    run.spawn("dnsmasq", "--no-daemon", "--no-resolv", "--no-hosts", "--user=root", f"--port={PORT}", "--listen-address=127.0.0.1", "--bind-interfaces", *hosts, port=PORT)
    sock = socket.create_connection(("127.0.0.1", PORT))
    for n in range(24):
        if n == 4:
            run.start_captures()
        sock.sendall(question(n))
        sock.recv(4096)
        time.sleep(0.02)
    sock.close()
    time.sleep(0.1)


@other("modbus", ["pymodbus"], "Modbus/TCP with pymodbus: reads and writes of registers")
def modbus(run):
    server = ("import asyncio\nfrom pymodbus.server import StartAsyncTcpServer\nfrom pymodbus.simulator import DataType, SimData, SimDevice\n"
              f"asyncio.run(StartAsyncTcpServer(SimDevice(1, simdata=[SimData(0, count=200, values=17, datatype=DataType.REGISTERS)]), address=('127.0.0.1',{PORT})))")
    run.spawn(lab.PYTHON, "-c", server, port=PORT)

    async def talk():
        from pymodbus.client import AsyncModbusTcpClient

        client = AsyncModbusTcpClient("127.0.0.1", port=PORT)
        await client.connect()
        for n in range(24):
            if n == 4:
                await asyncio.to_thread(run.start_captures)
            await client.read_holding_registers(n, count=8)
            if n % 3 == 0:
                await client.write_register(n, 1000 + n)
        client.close()
        await asyncio.sleep(0.2)

    return talk()


@other("openvpn", ["OpenVPN"], "OpenVPN over TCP with its keep-alive pings: a length of two bytes before each packet")
def openvpn(run):
    key = run.work / "static.key"
    subprocess.run(["openvpn", "--genkey", "secret", str(key)], check=True)
    common = ["--dev", "null", "--secret", key, "--cipher", "AES-256-CBC", "--ping", "1", "--verb", "1"]
    run.spawn("openvpn", "--proto", "tcp-server", "--local", "127.0.0.1", "--lport", PORT, *common)
    time.sleep(1)
    run.spawn("openvpn", "--proto", "tcp-client", "--remote", "127.0.0.1", PORT, "--nobind", *common)
    time.sleep(2.5)
    run.start_captures()
    time.sleep(7)


@other("redis", ["Redis"], "Redis: pipelined commands and answers in its binary-safe text")
def redis(run):
    run.spawn("redis-server", "--port", PORT, "--bind", "127.0.0.1", "--save", "", port=PORT)
    sock = socket.create_connection(("127.0.0.1", PORT))
    for n in range(20):
        if n == 4:
            run.start_captures()
        value = bytes((n * 37 + k * 11) % 256 for k in range(40))
        sock.sendall(b"*3\r\n$3\r\nSET\r\n$4\r\nkey%d\r\n$40\r\n%s\r\n*2\r\n$3\r\nGET\r\n$4\r\nkey%d\r\n" % (n % 10, value, n % 10))
        sock.recv(4096)
        time.sleep(0.02)
    sock.close()
    time.sleep(0.1)


@other("mqtt", ["Mosquitto"], "MQTT over plain TCP with Mosquitto: publications of binary data and pings")
def mqtt(run):
    configuration = run.work / "mosquitto.conf"
    configuration.write_text(f"listener {PORT} 127.0.0.1\nallow_anonymous true\n")
    run.spawn("mosquitto", "-c", configuration, port=PORT)
    import paho.mqtt.client as paho

    client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id="lab")
    client.connect("127.0.0.1", PORT, keepalive=1)
    client.subscribe("lab/#", qos=1)
    client.loop_start()
    time.sleep(0.5)
    run.start_captures()
    for n in range(20):
        client.publish("lab/bytes", bytes((n * 29 + k * 7) % 256 for k in range(30 + n)), qos=1)
        time.sleep(0.15)
    client.loop_stop()
    client.disconnect()
    time.sleep(0.1)


if __name__ == "__main__":
    lab.main("capture-points")
