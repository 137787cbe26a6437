"""Bayeux (npm faye on both ends, npm cometd) and Meteor's DDP (npm simpleddp with a small server), raw and inside SockJS."""

import stage

stage.enter()

from stage import sample


@sample("bayeux-faye.pcapng", programs=["faye", "cometd"], bpf="tcp port 9019",
        shows="Bayeux, clients of Faye and CometD: handshake, connect held and answered again and again, subscriptions, publications, several messages in one list, refusals by an "
              "extension, tokens in ext, disconnect")
def bayeux(run):
    run.node("bayeux_talk.cjs", 9019)


@sample("ddp-raw.pcapng", programs=["simpleddp", "ws"], bpf="tcp port 9020",
        shows="DDP at /websocket: connect, subscriptions, one unknown, data, methods with results and errors, a login, pings of both sides, failed, error")
def ddp(run):
    run.node("ddp_talk.cjs", 9020, "raw")


@sample("ddp-sockjs.pcapng", programs=["simpleddp", "sockjs", "sockjs-client"], bpf="tcp port 9020", shows="DDP inside SockJS at /sockjs")
def ddp_sockjs(run):
    run.node("ddp_talk.cjs", 9020, "sockjs")


if __name__ == "__main__":
    stage.main()
