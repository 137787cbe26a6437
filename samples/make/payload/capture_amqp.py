"""AMQP 1.0 over WebSockets: npm rhea on both ends."""

import stage

stage.enter()

from stage import sample


@sample("amqp10-rhea.pcapng", programs=["rhea", "ws"], bpf="tcp port 9024",
        shows="AMQP 1.0: SASL PLAIN, sessions, links, transfers both ways, accepted and rejected, a refused link, empty frames as heart-beats; "
              "a frame a message, cut every 13 bytes, several in one; a wrong password")
def amqp(run):
    run.node("amqp_talk.cjs", 9024)


if __name__ == "__main__":
    stage.main()
