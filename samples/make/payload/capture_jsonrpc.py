"""JSON-RPC 2.0: npm rpc-websockets, an Ethereum node, the Language Server Protocol with and without Content-Length."""

import stage

stage.enter()

from stage import sample


@sample("jsonrpc-rpc-websockets.pcapng", programs=["rpc-websockets", "ws"], bpf="tcp port 9014",
        shows="JSON-RPC 2.0: calls, notifications, errors, a login with a token, events, batches, ids of every kind, invalid requests")
def rpc(run):
    run.node("jsonrpc_talk.cjs", 9014)


@sample("jsonrpc-ethereum.pcapng", programs=["ganache", "ethers"], bpf="tcp port 9014",
        shows="Ethereum: eth_subscribe to newHeads and newPendingTransactions, transactions, errors, eth_unsubscribe, a batch")
def ethereum(run):
    run.node("ethereum_talk.cjs", 9014, timeout=60)


for mode, says in (("bare", "one JSON text a message"), ("framed", "with the Content-Length header kept, header and body in messages of their own"),
                   ("cut", "with the Content-Length header kept, in pieces of 50 bytes")):
    @sample(f"jsonrpc-lsp-{mode}.pcapng", programs=["vscode-ws-jsonrpc", "vscode-languageserver", "vscode-jsonrpc"], bpf="tcp port 9014",
            shows=f"Language Server Protocol, {says}: requests from both sides, notifications, errors, a cancelled request")
    def lsp(run, mode=mode):
        run.node("lsp_talk.cjs", 9014, mode)


if __name__ == "__main__":
    stage.main()
