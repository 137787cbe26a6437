"""MQTT 3.1, 3.1.1 and 5 over WebSockets: mosquitto as the broker, mqtt.js and paho as clients, with a bridge between or not."""

import asyncio
import subprocess

import stage

stage.enter()

from paho.mqtt.enums import MQTTProtocolVersion

import mqtt_bridge
import mqtt_pahos
from python_endpoints import server
from stage import sample

SHOWS = "QoS 0, 1, 2, retained, will sent, wrong password, keep-alive pings; CONNECT in pieces of a few bytes"


def broker(run):
    """mosquitto with one user; its port for WebSockets is 9009."""
    passwords = run.work / "passwords"
    passwords.touch()
    passwords.chmod(0o600)
    subprocess.run(["mosquitto_passwd", "-b", str(passwords), "sensor", "sesame-4711"], check=True)
    configuration = run.work / "mosquitto.conf"
    configuration.write_text("listener 1883 127.0.0.1\nlistener 9009\nprotocol websockets\nallow_anonymous false\nuser root\n"
                             f"password_file {passwords}\nmax_topic_alias 10\n")
    run.spawn("/usr/sbin/mosquitto", "-c", configuration, port=9009)


for version, name, more in ((3, "31", ""), (4, "311", ""), (5, "5", "; properties, topic alias, the same client id a second time")):
    @sample(f"mqtt{name}-mqttjs.pcapng", programs=["Mosquitto", "mqtt", "ws"], bpf="tcp port 9009",
            shows=f"MQTT {'.'.join(name)}: {SHOWS}{more}")
    def mqttjs(run, version=version):
        broker(run)
        run.node("mqtt_talk.cjs", 9009, version)


@sample("mqtt-paho.pcapng", programs=["Mosquitto", "paho-mqtt"], bpf="tcp port 9009",
        shows="MQTT 3.1.1, then 5, with paho: QoS 0, 1, 2, retained, will, pings")
def paho(run):
    broker(run)
    mqtt_pahos.watch_frames(run)
    for connection, protocol in enumerate((MQTTProtocolVersion.MQTTv311, MQTTProtocolVersion.MQTTv5), 1):
        mqtt_pahos.talk(run, connection, protocol, 9009)


for piece, name, says in ((None, "joined-packets", "several packets in a message"), (7, "cut-packets", "pieces of seven bytes")):
    @sample(f"mqtt5-{name}.pcapng", programs=["Mosquitto", "mqtt", "websockets"], bpf="tcp port 9043",
            shows=f"MQTT 5 through a bridge to the broker's TCP port: what the broker sends comes in {says}")
    async def bridged(run, piece=piece):
        broker(run)
        async with server(run, lambda connection: mqtt_bridge.carry(connection, 1883, piece), port=9043, subprotocols=["mqtt"], compression=None):
            await asyncio.to_thread(run.node, "mqtt_talk.cjs", 9043, 5)


if __name__ == "__main__":
    stage.main()
