"""Puts the page together: what is inline is allowed by its hash, and nothing else is."""

import base64
import gzip
import hashlib
import json
import lzma
import pathlib
import sys

WEB = pathlib.Path(__file__).parent
ROOT = WEB.parent
OUT = ROOT / "target/web"
PROFILE = sys.argv[1] if len(sys.argv) > 1 else "release"
MODULE = OUT / "wasm32-unknown-unknown" / PROFILE / "wireloupe_page.wasm"

# One script, in this order: what a file begins with may use what stands before it.
SCRIPTS = ["parts", "core", "open", "filter", "list", "detail", "feed", "diagnosis", "chat", "ladder", "graph", "compare", "ruler", "statistics", "explain", "labs", "taking", "views", "keys", "drop"]

# Small ones that show something: the file, what it is called, and the files beside it.
SAMPLES = [
    ("lab-hello.pcap", "two frames that say hello", []),
    ("failures/accept-wrong.pcapng", "an upgrade with a wrong accept key", []),
    ("failures/masked-server.pcapng", "a server that masks", []),
    ("failures/connection-refused.pcapng", "nothing listens", []),
    ("deflate/ws-deflate-fragments.pcapng", "compressed and in fragments", []),
    ("failures/alpn-h2-upgrade.pcapng", "TLS with its keys, refused over HTTP/2", ["failures/alpn-h2-upgrade.keys"]),
]


def base64_of(data: bytes) -> str:
    return base64.b64encode(data).decode()


def policy_hash(text: str) -> str:
    return "'sha256-" + base64_of(hashlib.sha256(text.encode()).digest()) + "'"


def packed(module: bytes) -> bytes:
    """LZMA with what fits modules best, and with their length in front, where `lzma` says that it is not known."""
    how = {"id": lzma.FILTER_LZMA1, "dict_size": 1 << 23, "lc": 4, "lp": 0, "pb": 0, "nice_len": 273, "mf": lzma.MF_BT4}
    out = bytearray(lzma.compress(module, format=lzma.FORMAT_ALONE, filters=[how]))
    out[5:13] = len(module).to_bytes(8, "little")
    return bytes(out)


def island(name: str, text: str, kind: str = "text/plain") -> str:
    assert "</script" not in text and "<!--" not in text
    return f'<script id="{name}" type="{kind}">{text}</script>\n'


def samples() -> str:
    folder = ROOT / "samples"
    listed = []
    for path, about, beside in SAMPLES:
        files = [{"name": pathlib.Path(one).name, "data": base64_of((folder / one).read_bytes())} for one in [path, *beside]]
        listed.append({"name": pathlib.Path(path).name, "about": about, "files": files})
    return json.dumps(listed)


def main() -> None:
    read = lambda name: (WEB / "page" / name).read_text()
    script, style = "".join(read(f"{name}.js") for name in SCRIPTS), read("page.css")
    core = packed(MODULE.read_bytes())
    policy = "; ".join([
        "default-src 'none'",
        f"script-src {policy_hash(script)} 'wasm-unsafe-eval'",
        # Sizes of virtual rows and depths of fields are set on elements, which a policy for styles does not touch.
        f"style-src {policy_hash(style)}",
        "worker-src blob:",
        "base-uri 'none'",
        "form-action 'none'",
    ])
    data = island("core", base64_of(core)) + island("worker", read("lzma.js") + read("worker.js"))
    data += island("sample-data", samples(), "application/json")
    data += '<script id="capture" type="application/json">null</script>\n'
    html = read("index.html")
    for mark, text in [
        ("<!-- policy -->", f'<meta http-equiv="Content-Security-Policy" content="{policy}">'),
        ("<!-- style -->", f"<style>{style}</style>"),
        ("<!-- data -->", data),
        ("<!-- script -->", f"<script>{script}</script>"),
    ]:
        before, after = html.split(mark)
        html = before + text + after
    (OUT / "page.html").write_text(html)
    size, gzipped = len(html.encode()), len(gzip.compress(html.encode(), mtime=0))
    print(f"target/web/page.html: {size} bytes, {gzipped} gzipped; the module {MODULE.stat().st_size}, {len(core)} packed")


if __name__ == "__main__":
    main()
