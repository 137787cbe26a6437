"""XMPP over WebSockets (Prosody, npm @xmpp/client) and SIP over WebSockets (Kamailio, npm sip.js)."""

import subprocess

import stage

stage.enter()

from stage import sample


@sample("xmpp-prosody.pcapng", programs=["Prosody=deb:prosody", "@xmpp/client", "ws"], bpf="tcp port 9034",
        shows="XMPP (RFC 7395): open, features, SASL, bind, presence, messages of two users, iq results and errors, close; a wrong password")
def xmpp(run):
    configuration = run.work / "prosody.cfg.lua"
    configuration.write_text(
        f'run_as_root = true\ndata_path = "{run.work}"\npidfile = "{run.work}/prosody.pid"\nlog = {{ error = "*console" }}\n'
        'modules_enabled = { "roster", "saslauth", "disco", "ping", "websocket", "presence", "message", "iq" }\nmodules_disabled = { "s2s" }\n'
        'http_ports = { 9034 }\nhttp_interfaces = { "127.0.0.1" }\nhttps_ports = {}\nc2s_ports = {}\nhttp_default_host = "lab"\n'
        'c2s_require_encryption = false\nconsider_websocket_secure = true\nallow_unencrypted_plain_auth = true\nauthentication = "internal_plain"\n'
        'VirtualHost "lab"\nhttp_host = "127.0.0.1"\n')
    for user, password in (("ada", "sesame-4711"), ("lee", "sesame-4712")):
        subprocess.run(["prosodyctl", "--root", "--config", str(configuration), "register", user, "lab", password], check=True, stdout=subprocess.DEVNULL)
    run.spawn("prosody", "-F", "--config", configuration, port=9034)
    run.node("xmpp_talk.mjs", 9034)


@sample("sip-kamailio.pcapng", programs=["Kamailio=deb:kamailio", "sip.js", "ws"], bpf="tcp port 9036",
        shows="SIP (RFC 7118): REGISTER with digest, MESSAGE, INVITE with ACK, INFO and BYE, 404, 486, keep-alives, a wrong password")
def sip(run):
    # -DD keeps it in the foreground with its children.
    run.spawn("kamailio", "-DD", "-E", "-f", stage.HERE / "kamailio.cfg", "-Y", run.work, "-w", run.work, "-m", "32", port=9036)
    run.node("sip_talk.mjs", 9036)


if __name__ == "__main__":
    stage.main()
