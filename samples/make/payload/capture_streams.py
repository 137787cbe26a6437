"""NATS, RSocket, Yjs and gRPC-Web over WebSockets."""

import stage

stage.enter()

from stage import sample


@sample("nats.pcapng", programs=["NATS=deb:nats-server", "nats.ws", "ws"], bpf="tcp port 9029",
        expect=[(1, "works", "healthy", None), (2, "a wrong password: the server closes with 1008", "policy-violation-close", "close")],
        shows="NATS: INFO, CONNECT with a password, publications with headers and bytes, queue groups, requests, no responders, -ERR, pings, commands that share messages")
def nats(run):
    configuration = run.work / "nats.conf"
    configuration.write_text('host: "127.0.0.1"\nport: 4222\nserver_name: lab\nwebsocket { host: "127.0.0.1", port: 9029, no_tls: true }\n'
                             'authorization { users: [ { user: ada, password: "sesame-4711", permissions: { publish: { deny: "secret.>" } } } ] }\n')
    run.spawn("nats-server", "-c", configuration, port=9029)
    run.node("nats_talk.cjs", 9029)


@sample("rsocket.pcapng", programs=["rsocket-core", "rsocket-websocket-client", "rsocket-websocket-server", "ws"], bpf="tcp port 9030",
        shows="RSocket: SETUP with a token, request/response, a stream, a channel, fire and forget, metadata push, cancel, errors, KEEPALIVE")
def rsocket(run):
    run.node("rsocket_talk.cjs", 9030)


@sample("yjs-hocuspocus.pcapng", programs=["@hocuspocus/server", "@hocuspocus/provider", "yjs", "ws"], bpf="tcp port 9031",
        shows="Yjs as Hocuspocus carries it: two clients of a named document, tokens, changes, a stateless message, a wrong token, both ends' close")
def hocuspocus(run):
    run.node("hocuspocus_talk.mjs", 9031)


@sample("yjs.pcapng", programs=["y-websocket", "y-websocket=y-websocket-v1", "yjs", "ws"], bpf="tcp port 9031",
        shows="Yjs: two clients of one document: both steps, updates, awareness; a token in the query")
def yjs(run):
    run.node("yjs_talk.cjs", 9031)


@sample("grpc-websockets.pcapng", programs=["@improbable-eng/grpc-web", "google-protobuf", "ws"], bpf="tcp port 9032",
        shows="gRPC-Web over WebSockets: a unary call, a stream of the server, one of both, an error status, a bearer token; the server is a small one")
def grpc(run):
    run.node("grpcweb_talk.cjs", 9032)


if __name__ == "__main__":
    stage.main()
