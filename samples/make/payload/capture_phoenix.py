"""Phoenix channels, serialisers 1 and 2, and Supabase Realtime, which adds to the second: npm clients with small servers."""

import stage

stage.enter()

from stage import sample

for version in ("1.0.0", "2.0.0"):
    @sample(f"phoenix-v{version[0]}.pcapng", programs=["phoenix", "ws"], bpf="tcp port 9016",
            shows=f"Phoenix channels, vsn={version}: joins, a refused one, pushes and replies, broadcasts, heart-beats, a crash, leave"
                  + ("; binary push, reply, broadcast" if version[0] == "2" else "") + "; a token as a subprotocol; the server is a small one")
    def phoenix(run, version=version):
        run.node("phoenix_talk.cjs", 9016, version)


@sample("phoenix-supabase.pcapng", programs=["@supabase/realtime-js", "ws"], bpf="tcp port 9017",
        shows="Supabase Realtime (Phoenix channels, vsn=2.0.0): joins, a refused one, users' broadcasts in its binary frames (JSON, bytes, metadata), presence, "
              "heart-beats; an API key in the URL; the server is a small one")
def supabase(run):
    run.node("supabase_talk.cjs", 9017)


if __name__ == "__main__":
    stage.main()
