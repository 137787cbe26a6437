"""ttyd: a terminal in a browser."""

import stage

stage.enter()

from stage import sample


@sample("ttyd.pcapng", programs=["ttyd=built:ttyd", "Chromium"], bpf="tcp port 9043",
        expect=[(1, "the shell ends, and ttyd closes TCP without a close frame", "closed-without-close-frame", "close")],
        shows="ttyd (libwebsockets) with its own page in Chromium: the first message, preferences and title, typing, output with escapes, a "
              "resize; the shell ends")
def ttyd(run):
    program = stage.HOME / "ttyd/build/ttyd"
    run.spawn(program, "-i", "127.0.0.1", "-p", "9045", "bash", port=9045)
    run.spawn(program, "-W", "-i", "127.0.0.1", "-p", "9043", "-t", "disableLeaveAlert=true", "-t", "disableReconnect=true",
              "bash", "--norc", port=9043, environment={"PS1": "$ ", "HOME": "/"})
    run.spawn("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update",
              "--disable-features=LocalNetworkAccessChecks",
              f"--user-data-dir={run.work}/profile", "--remote-debugging-port=9044", "about:blank", port=9044)
    # Not watched: its own sockets are DevTools'.
    run.program(["node", str(stage.HERE / "ttyd_talk.cjs"), "9044", "9043", "9045"])


if __name__ == "__main__":
    stage.main()
