"""Action Cable: Rails with Puma, and npm @rails/actioncable."""

import stage

stage.enter()

from stage import sample


@sample("action-cable.pcapng", programs=["Rails=deb:ruby-actioncable", "Puma=deb:puma", "@rails/actioncable"], bpf="tcp port 9017",
        shows="Action Cable: welcome, subscriptions, one rejected, commands, broadcasts, pings, disconnected by the server; a connection with a wrong token")
def action_cable(run):
    run.spawn("puma", "--bind", "tcp://127.0.0.1:9017", "--threads", "2:4", "--environment", "production", stage.HERE / "action_cable.ru",
              port=9017, cwd=run.work)
    run.node("action_cable_talk.cjs", 9017)


if __name__ == "__main__":
    stage.main()
