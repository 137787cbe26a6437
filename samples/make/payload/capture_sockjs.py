"""SockJS: sockjs and sockjs-client, plain and with STOMP inside (RabbitMQ behind)."""

import stage

stage.enter()

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


if __name__ == "__main__":
    stage.main()
