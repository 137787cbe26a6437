"""Servers and hops that refuse, each in a way of its own: rules and limits, an application that refuses, a port of another protocol, silence."""

import lab

lab.enter()

import echoes
import proxies
import watchers
from http2_endpoints import Client, hypercorn_server
from lab import sample

HOST, PORT = "127.0.0.2", 8080
BACKEND, BEHIND = "127.0.0.3", 9000
URI = f"ws://{HOST}:{PORT}/chat"
AT_CLIENT = f"tcp port {PORT}"


def attempt(run, library, uri=URI, *arguments, times=1):
    for line in watchers.watch(library, uri, times, *arguments):
        run.says(f"client ({library})", line)


def node_app(run, kind, address=HOST, port=PORT):
    run.spawn("node", lab.MAKE / "endpoints/web_app.cjs", kind, port, address, port=port)


def python_app(run, kind, address=HOST, port=PORT):
    return run.spawn(lab.PYTHON, lab.MAKE / "endpoints/web_app.py", kind, port, address, port=port)


# --- hops that pass no upgrade on -------------------------------------------------------------------------------------


@sample("stripped-h2o-express.pcapng", programs=["H2O", "express", "websockets"], log=False, bpf=AT_CLIENT,
        expect=[(1, "H2O passes no upgrade on unless told to, so express behind it sees an ordinary request and answers 404", "upgrade-not-forwarded", "http-status")],
        shows="H2O strips Upgrade (`proxies/h2o-no-tunnel.conf`), express behind it answers 404, `Cannot GET /chat`; only the client's side is captured")
def h2o(run):
    node_app(run, "express", BACKEND, BEHIND)
    run.spawn("h2o", "-c", lab.MAKE / "proxies/h2o-no-tunnel.conf", port=PORT)
    attempt(run, "websockets")


@sample("stripped-tinyproxy-ws.pcapng", programs=["Tinyproxy", "ws", "websockets"], log=False, bpf=f"tcp port {BEHIND}",
        expect=[(1, "Tinyproxy passes Upgrade and Connection on to nobody", "upgrade-not-forwarded", "http-status")],
        shows="Tinyproxy as a reverse proxy strips Upgrade (`proxies/tinyproxy-reverse.conf`), npm ws behind it answers 426; captured at the server")
def tinyproxy(run):
    echoes.start(run, "ws", BEHIND, BACKEND)
    run.spawn("tinyproxy", "-d", "-c", lab.MAKE / "proxies/tinyproxy-reverse.conf", port=PORT)
    attempt(run, "websockets")


@sample("upgrade-into-http2-nghttpx.pcapng", programs=["nghttpx", "nghttpd", "websockets"], log=False, bpf=AT_CLIENT,
        expect=[(1, "nghttpx speaks HTTP/2 with the server behind it, which knows no extended CONNECT, so that no upgrade can be passed on", "upgrade-disabled", "http-status")],
        shows="nghttpx in front of nghttpd over HTTP/2 without extended CONNECT: nghttpx answers the upgrade with 400 itself")
def nghttpx(run):
    run.spawn("nghttpd", "--no-tls", "-a", BACKEND, BEHIND, "-d", run.work, port=BEHIND)
    run.spawn("nghttpx", f"-f{HOST},{PORT};no-tls", f"-b{BACKEND},{BEHIND};;proto=h2", "--conf=/dev/null", "--workers=1", port=PORT)
    attempt(run, "websockets")


# --- rules and limits -------------------------------------------------------------------------------------------------


@sample("forbidden-by-firewall-nginx.pcapng", programs=["nginx", "ModSecurity", "ws", "websockets"], log=False, bpf=AT_CLIENT,
        expect=[(1, "the Core Rule Set of ModSecurity in nginx takes the query for an injection of SQL", "forbidden", "http-status")],
        unsaid=["Origin", "login"], shows="ModSecurity with its Core Rule Set in nginx forbids an upgrade for its query (`proxies/nginx-firewall.conf`): 403; the request names no Origin")
def firewall(run):
    echoes.start(run, "ws", BEHIND, BACKEND)
    proxies.nginx(run, "nginx-firewall")
    attempt(run, "websockets", f"{URI}?q=1%27%20OR%201=1--%20UNION%20SELECT%20name%20FROM%20users")


@sample("banned-by-apache.pcapng", programs=["Apache", "mod_evasive", "ws"], log=False, bpf=AT_CLIENT,
        expect=[*((number, "it works", "healthy", None) for number in (1, 2, 3)), (4, "mod_evasive bans the client after three requests for one path within two seconds (403)", "rate-limited", "http-status")],
        shows="four upgrades within two seconds through Apache with mod_evasive (`proxies/apache-evasive.conf`): three pass, the fourth is answered 403")
def banned(run):
    run.spawn("node", lab.MAKE / "endpoints/web_app.cjs", "brief", BEHIND, BACKEND, port=BEHIND)
    proxies.apache(run, "apache-evasive")
    attempt(run, "ws", times=4)


# --- applications -----------------------------------------------------------------------------------------------------


@sample("origin-not-accepted-flask-socketio.pcapng", programs=["flask-socketio", "ws"], log=False, quotes=["Not an accepted origin"],
        expect=[(1, "Flask-SocketIO does not take this Origin, and says so with 400 in a chunked body", "forbidden", "http-status")],
        shows="Flask-SocketIO refuses the Origin of another site with 400; its words come in chunks")
def foreign_origin(run):
    python_app(run, "flask_socketio")
    attempt(run, "ws", f"ws://{HOST}:{PORT}/socket.io/?EIO=4&transport=websocket", '{"origin":"https://other.example"}')


@sample("http-inside-frames-werkzeug.pcapng", programs=["flask-socketio", "ws"], log=False,
        expect=[(1, "the application fails on a message that is not Engine.IO's, and Werkzeug writes its page for that (500) into the open WebSocket", "http-inside-frames", "first-frames")],
        also=["reserved-bit-set"], shows="Flask-SocketIO fails on a plain message, and Werkzeug writes an HTTP answer into the upgraded connection")
def page_inside_frames(run):
    python_app(run, "flask_socketio")
    attempt(run, "ws", f"ws://{HOST}:{PORT}/socket.io/?EIO=4&transport=websocket", '{"origin":"https://shop.example"}')


@sample("flask-sock-under-waitress.pcapng", programs=["waitress", "flask-sock", "websockets"], log=False, also=["upgrade-not-forwarded"],
        expect=[(1, "waitress gives no application its socket, so flask-sock fails (500)", "server-error", "http-status")],
        shows="flask-sock under waitress, which cannot give it the socket: 500")
def waitress(run):
    run.spawn(lab.PYTHON, "-m", "waitress", f"--listen={HOST}:{PORT}", "web_app:application", port=PORT, cwd=lab.MAKE / "endpoints")
    attempt(run, "websockets")


@sample("h2-closed-before-accept.pcapng", programs=["hypercorn", "h2", "wsproto"], log=False, folder="http2", unsaid=["perhaps"],
        expect=[(1, "the application closes before it accepts, which Hypercorn says with 403; the Origin is the host's own", "forbidden", "http-status")],
        shows="an ASGI application closes before it accepts: Hypercorn answers 403 in the stream; the Origin is the host's own")
async def before_accept(run):
    async def application(scope, receive, send):
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close"})

    import wsproto.connection

    async with hypercorn_server(PORT, application, host=HOST):
        connection = await Client(wsproto.connection.Connection).open(HOST, PORT)
        await connection.websocket("/chat")
        status = next(iter(connection.responses.values()))[":status"]
        run.says("client (h2)", f"the answer has :status {status}")
        await connection.close()


# --- other ports, other paths, silence --------------------------------------------------------------------------------


@sample("upgrade-to-mqtt-port.pcapng", programs=["Mosquitto", "ws"], log=False, also=["closed-without-answer", "not-http"],
        expect=[(1, "the port is that of MQTT itself, and Mosquitto leaves on what is no CONNECT packet", "reset-on-upgrade", "http-status")],
        shows="an upgrade with the subprotocol mqtt is sent to Mosquitto's port of plain MQTT: reset")
def mqtt_port(run):
    configuration = run.work / "mosquitto.conf"
    configuration.write_text(f"listener {PORT} {HOST}\nallow_anonymous true\n")
    run.spawn("mosquitto", "-c", configuration, port=PORT)
    attempt(run, "ws", URI, '{"headers":{"Sec-WebSocket-Protocol":"mqtt"}}')


@sample("xmpp-without-subprotocol.pcapng", programs=["Prosody", "websockets"], log=False,
        expect=[(1, "Prosody takes an upgrade only with the subprotocol xmpp, which the client does not offer (501)", "server-error", "http-status")],
        also=["subprotocol-missing", "upgrade-refused"], shows="an upgrade without the subprotocol xmpp to Prosody's WebSocket (`proxies/prosody.cfg.lua`): 501")
def xmpp(run):
    (run.work / "data").mkdir()
    (run.work / "data").chmod(0o777)
    run.spawn("prosody", "-F", "--config", lab.MAKE / "proxies/prosody.cfg.lua", port=PORT, cwd=run.work)
    attempt(run, "websockets", f"ws://{HOST}:{PORT}/xmpp-websocket")


@sample("socket-io-other-path.pcapng", programs=["socket.io", "ws"], log=False,
        expect=[(1, "Socket.IO ends upgrades for another path than its own after one second, without an answer", "closed-without-answer", "http-status")],
        shows="an upgrade for /chat to a Socket.IO server, which ends the connection after a second without an answer")
def other_path(run):
    node_app(run, "socket-io")
    attempt(run, "ws")


@sample("vite-without-ws.pcapng", programs=["vite", "ws"], log=False, bpf=AT_CLIENT,
        expect=[(1, "Vite's development server has a proxy for this path without `ws: true`, and leaves the upgrade unanswered", "no-answer", "http-status")],
        unsaid=["never even acknowledged"], shows="Vite's development server with a proxy for /chat that lacks `ws: true`: the upgrade is acknowledged and never answered")
def vite(run):
    echoes.start(run, "ws", BEHIND, BACKEND)
    node_app(run, "vite")
    attempt(run, "ws")


if __name__ == "__main__":
    lab.main("refusals")
