"""RabbitMQ as a broker inside a sample's namespace: STOMP over WebSockets on port 9008."""

import os


def start(run, frames="text"):
    home = run.work / "rabbit"
    home.mkdir()
    (home / "plugins").write_text("[rabbitmq_web_stomp].\n")
    (home / "rabbitmq.conf").write_text(
        f"web_stomp.tcp.port = 9008\nweb_stomp.ws_frame = {frames}\nlisteners.tcp.default = 9108\nstomp.listeners.tcp.1 = 9208\n")
    environment = {
        "HOME": str(home), "RABBITMQ_NODENAME": "lab@localhost", "RABBITMQ_MNESIA_BASE": str(home / "data"),
        "RABBITMQ_LOG_BASE": str(home / "log"), "RABBITMQ_ENABLED_PLUGINS_FILE": str(home / "plugins"),
        "RABBITMQ_CONFIG_FILE": str(home / "rabbitmq.conf"), "RABBITMQ_SCHEMA_DIR": str(home / "schema"),
        "RABBITMQ_GENERATED_CONFIG_DIR": str(home / "schema"), "RABBITMQ_PID_FILE": str(home / "pid"), "ERL_EPMD_ADDRESS": "127.0.0.1",
        "PATH": os.environ["PATH"],
    }
    run.spawn("/usr/lib/rabbitmq/bin/rabbitmq-server", port=9008, environment=environment)
