#!/usr/bin/env python3
"""Holds docs/proxies to what was run: every quoted configuration is in the file it names, every sample named is there."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
SAMPLES = ROOT / "samples"


def blocks(text):
    """(file, quoted text) for each fenced block; the file is the last one named before it."""
    for match in re.finditer(r"```\n(.*?)```", text, re.S):
        named = re.findall(r"`(samples/make/proxies/[\w.-]+)`", text[: match.start()])
        yield (named[-1] if named else None), match.group(1)


def sample_names(text):
    """Names in the first two columns of tables and in running text that look like a sample's."""
    known = {re.sub(r"(\.client|\.server)?\.pcap(ng)?(\.\w+)?$", "", p.name) for p in SAMPLES.rglob("*.pcap*")}
    stems = "|".join(sorted({k.split("-")[0] for k in known}))
    named = set(re.findall(rf"`((?:{stems})-[a-z0-9-]+)`", text))
    return named, known


def main():
    wrong = []
    for page in sorted((ROOT / "docs/proxies").glob("*.md")):
        text = page.read_text()
        for file, quoted in blocks(text):
            if file is None or quoted not in (ROOT / file).read_text():
                wrong.append(f"{page.name}: a block is not in {file}: {quoted.splitlines()[0]!r}")
        named, known = sample_names(text)
        wrong += [f"{page.name}: no sample is called {name}" for name in sorted(named - known)]
    print("\n".join(wrong) or "every quotation and every sample named is there")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
