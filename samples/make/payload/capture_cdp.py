"""The Chrome DevTools Protocol: chrome-remote-interface with headless Chromium."""

import stage

stage.enter()

from stage import sample


@sample("cdp-chromium.pcapng", programs=["Chromium", "chrome-remote-interface"], bpf="tcp port 9015",
        shows="DevTools: the browser's endpoint with two flat sessions, events, an exception, errors (-32601, an unknown session), a screenshot; "
              "then a page's own endpoint")
def cdp(run):
    run.spawn("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync",
              "--disable-component-update", "--disable-dev-shm-usage", f"--user-data-dir={run.work}/profile", "--remote-debugging-port=9015",
              "--remote-allow-origins=*", "about:blank", port=9015)
    run.node("cdp_talk.cjs", 9015)


if __name__ == "__main__":
    stage.main()
