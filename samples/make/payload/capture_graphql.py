"""GraphQL over WebSocket, the new protocol (npm graphql-ws) and the old one (npm subscriptions-transport-ws)."""

import stage

stage.enter()

from stage import sample


@sample("graphql-transport-ws.pcapng", programs=["graphql-ws", "graphql", "ws"], bpf="tcp port 9011",
        shows="graphql-transport-ws: query, mutation, subscriptions, errors, complete from either side, pings, a token; "
              "closes 4500, 4403, 4401, 4400 (twice), 4409, 4429, 4408")
def transport(run):
    run.node("graphql_talk.cjs", 9011)


@sample("graphql-ws-old.pcapng", programs=["subscriptions-transport-ws", "graphql"], bpf="tcp port 9011",
        expect=[(1, "works", "healthy", None), (2, "the server refuses the client's connection_init and closes with 1011", "internal-error-close", "close")],
        shows="graphql-ws, the protocol of subscriptions-transport-ws: start, data, error, stop, ka, connection_error")
def old(run):
    run.node("graphql_old_talk.cjs", 9011)


@sample("graphql-mismatch.pcapng", programs=["graphql-ws", "subscriptions-transport-ws"], bpf="tcp port 9011",
        shows="a client of the new protocol that offers the old one's token graphql-ws to a server of the old one: closed with 4004 over `ka`")
def mismatch(run):
    run.node("graphql_old_talk.cjs", 9011, "mismatch")


if __name__ == "__main__":
    stage.main()
