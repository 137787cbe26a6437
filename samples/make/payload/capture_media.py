"""Janus, PeerJS and Guacamole."""

import stage

stage.enter()

from stage import sample


@sample("peerjs.pcapng", programs=["peer", "peerjs", "Chromium"], bpf="tcp port 9039",
        shows="PeerJS: OPEN, HEARTBEAT, OFFER and ANSWER between two peers in Chromium, EXPIRE for one that is not there, an id in use; tokens in the query")
def peerjs(run):
    run.node("peerjs_talk.cjs", 9039, run.work / "profile", timeout=60)


@sample("janus.pcapng", programs=["Janus=deb:janus", "ws"], bpf="tcp port 9040",
        shows="Janus: create, attach, messages with ack and event, keepalive, trickle, detach, destroy, a session's time-out, errors (403, 454, 457, 460), an apisecret")
def janus(run):
    folder = run.work / "janus"
    folder.mkdir()
    (folder / "janus.jcfg").write_text(
        'general: { configs_folder = "%s", plugins_folder = "/usr/lib/x86_64-linux-gnu/janus/plugins", transports_folder = '
        '"/usr/lib/x86_64-linux-gnu/janus/transports", events_folder = "%s", debug_level = 1, api_secret = "sesame-4711", session_timeout = 2, '
        'server_name = "lab" }\nnat: { nice_debug = false }\n'
        'plugins: { disable = "libjanus_voicemail.so,libjanus_recordplay.so,libjanus_sip.so,libjanus_streaming.so,libjanus_videoroom.so" }\n'
        'transports: { disable = "libjanus_rabbitmq.so,libjanus_http.so,libjanus_mqtt.so,libjanus_nanomsg.so,libjanus_pfunix.so" }\n' % (folder, folder))
    (folder / "janus.transport.websockets.jcfg").write_text('general: { json = "compact", ws = true, ws_port = 9040, ws_ip = "127.0.0.1" }\nadmin: { admin_ws = false }\n')
    run.spawn("janus", "-F", folder, "-C", folder / "janus.jcfg", port=9040)
    run.node("janus_talk.cjs", 9040)


@sample("guacamole.pcapng", programs=["guacamole-lite", "guacamole-common-js", "ws"], bpf="tcp port 9041",
        shows="Guacamole: instructions one and several in a message, lengths in characters, sync, mouse, key, the tunnel's own pings, error; guacd is a small one")
def guacamole(run):
    run.node("guacamole_talk.cjs", 9041)


if __name__ == "__main__":
    stage.main()
