"""Jupyter's kernel channels: jupyter-server with ipykernel, and npm @jupyterlab/services; both layouts of a message."""

import os

import stage

stage.enter()

import lab
from stage import sample

PORT = 9037


def jupyter(run, mode):
    home = run.work / "home"
    home.mkdir()
    binaries = stage.HOME / "venv/bin"
    environment = {"HOME": str(home), "JUPYTER_RUNTIME_DIR": str(home), "JUPYTER_DATA_DIR": str(home), "IPYTHONDIR": str(home),
                   "PATH": f"{binaries}:{os.environ['PATH']}"}
    run.spawn(lab.PYTHON, "-m", "jupyter_server", "--allow-root", "--no-browser", "--ip=127.0.0.1", f"--port={PORT}", "--ServerApp.allow_origin=*",
              "--IdentityProvider.token=sesame-4711", f"--ServerApp.root_dir={home}", "--ServerApp.use_redirect_file=False",
              *(["--ZMQChannelsWebsocketConnection.kernel_ws_protocol="] if mode == "default" else []), port=PORT, environment=environment)
    run.node("jupyter_talk.cjs", PORT, mode, timeout=60)


SHOWS = "kernel info, execute, streams, an error, stdin, comms with buffers both ways, completion, a token in the query"


@sample("jupyter-v1.pcapng", programs=["jupyter-server", "ipykernel", "@jupyterlab/services", "ws"], bpf=f"tcp port {PORT}",
        shows=f"Jupyter, v1.kernel.websocket.jupyter.org: {SHOWS}")
def version_one(run):
    jupyter(run, "v1")


@sample("jupyter-default.pcapng", programs=["jupyter-server", "ipykernel", "@jupyterlab/services", "ws"], bpf=f"tcp port {PORT}",
        shows=f"Jupyter without a subprotocol: JSON texts, binary where there are buffers: {SHOWS}")
def default(run):
    jupyter(run, "default")


if __name__ == "__main__":
    stage.main()
