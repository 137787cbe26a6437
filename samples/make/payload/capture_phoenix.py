"""Phoenix channels, serialisers 1 and 2: npm phoenix with a small server of its own."""

import stage

stage.enter()

from stage import sample

for version in ("1.0.0", "2.0.0"):
    @sample(f"phoenix-v{version[0]}.pcapng", programs=["phoenix", "ws"], bpf="tcp port 9016",
            shows=f"Phoenix channels, vsn={version}: joins, a refused one, pushes and replies, broadcasts, heart-beats, a crash, leave"
                  + ("; binary push, reply, broadcast" if version[0] == "2" else "") + "; a token as a subprotocol; the server is a small one")
    def phoenix(run, version=version):
        run.node("phoenix_talk.cjs", 9016, version)


if __name__ == "__main__":
    stage.main()
