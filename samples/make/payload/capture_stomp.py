"""STOMP 1.0 to 1.2 over WebSockets: RabbitMQ's Web STOMP as the broker, @stomp/stompjs as the client."""

import stage

stage.enter()

import rabbit
from stage import sample


@sample("stomp-rabbitmq.pcapng", programs=["RabbitMQ=deb:rabbitmq-server", "@stomp/stompjs", "ws"], bpf="tcp port 9008",
        shows="STOMP 1.2, 1.1, 1.0: receipts, ack and nack, transactions, heart-beats, a body with NUL, escaped headers, a wrong passcode, "
              "a frame in pieces, frames sent as binary, an unknown destination (ERROR)")
def rabbitmq(run):
    rabbit.start(run)
    run.node("stomp_talk.cjs", "ws://127.0.0.1:9008/ws")


@sample("stomp-rabbitmq-binary.pcapng", programs=["RabbitMQ=deb:rabbitmq-server", "@stomp/stompjs", "ws"], bpf="tcp port 9008",
        shows="the same conversation with a broker that sends binary frames and a body that is not UTF-8")
def rabbitmq_binary(run):
    rabbit.start(run, "binary")
    run.node("stomp_talk.cjs", "ws://127.0.0.1:9008/ws", "binary")


if __name__ == "__main__":
    stage.main()
