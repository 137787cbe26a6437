"""Protocols of tools, in JSON: OBS (also MessagePack), Home Assistant, Discord's gateway, Vite's hot reload."""

from pathlib import Path

import stage

stage.enter()

import lab
from stage import sample

for name in ("json", "msgpack"):
    @sample(f"obs-{name}.pcapng", programs=["obs-websocket-js", "ws"], bpf="tcp port 9025",
            shows=f"obs-websocket 5, {name}: Hello, Identify with a password's proof, requests, a batch, an event, errors, Reidentify; close 4009; the server is a small one")
    def obs(run, name=name):
        run.node("obs_talk.cjs", 9025, name)


@sample("home-assistant.pcapng", programs=["home-assistant-js-websocket", "ws"], bpf="tcp port 9026",
        shows="Home Assistant: auth with a token, supported_features and coalesced messages, events, services, errors, ping; auth_invalid; the server is a small one")
def home_assistant(run):
    run.node("home_assistant_talk.cjs", 9026)


@sample("discord-gateway.pcapng", programs=["@discordjs/ws", "ws"], bpf="tcp port 9027",
        shows="Discord's gateway: Hello, Identify with a token, dispatches, heart-beats; plain, zlib-stream (one message in two), compressed one by one; close 4004; "
              "the server is a small one")
def discord(run):
    run.node("discord_talk.cjs", 9027)


@sample("discord-zstd.pcapng", programs=["discord.py", "aiohttp", "zstandard"], bpf="tcp port 9029",
        shows="Discord's gateway with compress=zstd-stream, one zstd frame for all that the server sends, and a message of it in two; Hello, Identify, "
              "dispatches, heart-beats; the server is a small one")
def discord_zstd(run):
    run.program([str(lab.PYTHON), str(stage.HERE / "discord_python.py"), "9029"])


@sample("vite-hmr.pcapng", programs=["vite", "ws"], bpf="tcp port 9028",
        shows="Vite: vite-hmr with connected, update (js, css), full-reload, custom events, error, ping; vite-ping")
def vite(run):
    # Its path is sent to the page.
    root = Path("/tmp/wireloupe-site")
    root.mkdir(exist_ok=True)
    run.node("vite_talk.mjs", 9028, root)


if __name__ == "__main__":
    stage.main()
