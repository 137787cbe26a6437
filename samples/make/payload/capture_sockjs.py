"""SockJS: sockjs and sockjs-client, plain and with STOMP inside (RabbitMQ behind); a server in Python."""

import stage

stage.enter()

import lab
import rabbit
from stage import sample

PROGRAMS = ["sockjs", "sockjs-client"]


@sample("sockjs-plain.pcapng", programs=[*PROGRAMS, "ws"], bpf="tcp port 9010",
        shows="SockJS: open, messages, several in one frame of the client, pings as heart-beats, a close of the server (3001), broken framing, the raw endpoint without framing")
def plain(run):
    run.node("sockjs_talk.cjs", 9010, "plain")


@sample("sockjs-stomp.pcapng", programs=[*PROGRAMS, "@stomp/stompjs", "RabbitMQ=deb:rabbitmq-server"], bpf="tcp port 9010",
        shows="STOMP 1.2 inside SockJS: @stomp/stompjs over sockjs-client, a sockjs server that carries on to RabbitMQ; an ERROR at the end")
def stomp(run):
    rabbit.start(run)
    run.node("sockjs_talk.cjs", 9010, "stomp", 9208)


@sample("sockjs-python.pcapng", programs=["sockjs=venv:", "aiohttp", "sockjs-client"], bpf="tcp port 9010",
        shows="SockJS, a server in Python (PyPI sockjs): several messages in one frame of the server, pings as heart-beats, a close of the server (3002)")
def python(run):
    run.spawn(lab.PYTHON, stage.HERE / "sockjs_server.py", 9010, port=9010)
    run.node("sockjs_client.cjs", 9010)


@sample("sockjs-tornado.pcapng", programs=["sockjs-tornado=tornado:", "tornado=tornado:", "sockjs-client"], bpf="tcp port 9010",
        shows="SockJS, a server in Python (sockjs-tornado): heart-beats as frames, a close of the server")
def tornado(run):
    run.spawn(stage.HOME / "tornado/bin/python", stage.HERE / "sockjs_tornado.py", 9010, port=9010)
    run.node("sockjs_client.cjs", 9010)


if __name__ == "__main__":
    stage.main()
