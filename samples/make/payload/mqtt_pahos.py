"""paho (Python) over WebSockets: its frames and its own debug log of packets, put into a sample's logs."""

import re
import time

import paho.mqtt.client as paho

TYPES = {name: number for number, name in enumerate(
    "CONNECT CONNACK PUBLISH PUBACK PUBREC PUBREL PUBCOMP SUBSCRIBE SUBACK UNSUBSCRIBE UNSUBACK PINGREQ PINGRESP DISCONNECT AUTH".split(), 1)}


def watch_frames(run):
    """Log what paho's WebSocket wrapper sends and receives; it makes and reads its frames itself."""
    wrapper = paho._WebsocketWrapper
    create, receive, start = wrapper._create_frame, wrapper._recv_impl, wrapper._do_handshake

    def handshake(self, *arguments):
        self.number, self.parts = run.log.open("client"), b""
        return start(self, *arguments)

    def sent(self, opcode, data, do_masking=1):
        kind = {2: "binary", 8: "close", 10: "pong"}[opcode]
        if kind in ("close", "pong"):  # It answers with what came.
            run.log.add("client", self.number, "server", "ping" if kind == "pong" else kind, bytes(data))
        run.log.add("client", self.number, "client", kind, bytes(data))
        return create(self, opcode, data, do_masking)

    def received(self, length):
        self.parts += (part := receive(self, length))
        if self._payload_head == 0 and part:
            run.log.add("client", self.number, "server", "binary", self.parts)
            self.parts = b""
        return part

    wrapper._create_frame, wrapper._recv_impl, wrapper._do_handshake = sent, received, handshake


def fields(words):
    """What a line such as `Sending PUBLISH (d0, q1, r0, m1), 'b'a/b'', ... (5 bytes)` says, in the names of the decoder."""
    name = words.split()[1]
    out = {"mqtt.msgtype": TYPES[name]}
    flags = dict(re.findall(r"\b([a-z]{1,2})(\d+)\b", (re.search(r"\(([^)]*)\)", words) or [""])[0])) if name in ("PUBLISH", "CONNECT", "SUBSCRIBE", "UNSUBSCRIBE") else {}
    if name == "PUBLISH":
        topic = re.search(r"\), '(?:b')?(.*?)'+,? ", words)[1]
        out |= {"mqtt.topic": topic, "mqtt.qos": int(flags["q"]), "mqtt.retain": flags["r"] == "1", "mqtt.dupflag": flags["d"] == "1"}
    if name == "CONNECT":
        out |= {"mqtt.clientid": re.search(r"client_id=b'([^']*)'", words)[1], "mqtt.kalive": int(flags["k"])}
    mid = flags.get("m") or (re.search(r"\(Mid: (\d+)\)", words) or [None, None])[1]
    if mid and not (name == "PUBLISH" and flags["q"] == "0"):
        out["mqtt.msgid"] = int(mid)
    return out


def client(run, connection, identity, protocol, port, **options):
    """A client whose log goes into the sample, connected, its loop running in a thread."""
    it = paho.Client(paho.CallbackAPIVersion.VERSION2, identity, transport="websockets", protocol=protocol,
                     reconnect_on_failure=False, **options)
    it.ws_set_options(path="/mqtt")
    it.username_pw_set("sensor", "sesame-4711")

    def logged(_client, _data, _level, words):
        if re.match(r"(Sending|Received) [A-Z]+\b", words):
            side = "client" if words.startswith("Sending") else "server"
            unit = fields(words)
            if unit["mqtt.msgtype"] == 1:
                unit["mqtt.ver"] = int(protocol)
            run.unit(connection, side, "mqtt", **unit)

    it.on_log = logged
    return it


def talk(run, connection, protocol, port):
    """QoS 0, 1 and 2 in both directions, a retained message, a will that is not needed, an orderly end."""
    it = client(run, connection, f"paho-{int(protocol)}", protocol, port)
    it.will_set("sensors/left", "gone", qos=2, retain=True)
    arrived = []
    it.on_message = lambda _client, _data, message: arrived.append(message.topic)
    joined = []
    it.on_subscribe = lambda *_: joined.append(1)
    it.connect("127.0.0.1", port, keepalive=2)
    it.loop_start()
    wait_for(it.is_connected)
    it.subscribe([("sensors/#", 2), ("other/+", 1)])
    wait_for(lambda: joined)
    for qos in (0, 1, 2):
        it.publish("sensors/temperature", f"{20 + qos}.5", qos=qos, retain=qos == 1)
    it.publish("sensors/block", bytes(range(256)) * 3, qos=1)
    wait_for(lambda: len(arrived) == 4)
    time.sleep(2.6)
    it.unsubscribe("other/+")
    time.sleep(0.2)
    it.disconnect()
    time.sleep(0.2)
    it.loop_stop()


def wait_for(condition):
    deadline = time.monotonic() + 10
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("paho")
        time.sleep(0.02)
