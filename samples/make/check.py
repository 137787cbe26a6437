#!/usr/bin/env python3
"""Compares golden files with what the endpoints logged.

    samples/make/check.py                      every sample with a golden file
    samples/make/check.py NAME...              those samples only
    samples/make/check.py --binary PROGRAM     runs PROGRAM read CAPTURE --format ndjson instead of reading golden files
    samples/make/check.py --binary PROGRAM --write      also writes its output to NAME.golden.ndjson,
                                               unless it differs from what the endpoints logged

Per connection and side the sequence of messages must be the same: kind, sha256, length, text, close code and reason. Where
NAME.expect.json says "partial", the capture lacks a part of what was said: then every complete message must be in the log, in
order. Exits 1 on any difference, and 2 when nothing differed but some file could not be checked, which it names. Captures of which the
endpoints left no log (refusals by raw sockets, broken frames) are named and do not count.
"""

import argparse
import json
import re
import subprocess
import sys
from pathlib import Path

SAMPLES = Path(__file__).resolve().parent.parent
CAPTURE = re.compile(r"\.pcap(ng)?(\.(gz|zst|lz4))?$")
LOG = ".endpoints.ndjson"


def lines(text):
    return [json.loads(line) for line in text.splitlines() if line.strip()]


def walk():
    """By name the folder and the capture file of every sample; the capture is None where only a log is left."""
    found = {}
    for path in sorted(SAMPLES.rglob("*")):
        if capture := CAPTURE.search(path.name):
            found[path.name[: capture.start()]] = (path.parent, path)
        elif path.name.endswith(LOG):
            found.setdefault(path.name.removesuffix(LOG), (path.parent, None))
    return found


def run(binary, name, folder, capture):
    """What the program prints for the sample's capture."""
    keys = folder / f"{name}.keys"
    command = [binary, "read", capture.name, "--format", "ndjson", "--show", "all"]
    if keys.exists():
        command += ["--keylog", keys.name]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=folder)
    if done.returncode not in (0, 1):
        raise RuntimeError(f"{' '.join(command)}: exit {done.returncode}: {first_line(done.stderr)}")
    return done.stdout


def first_line(text):
    return next(iter(text.strip().splitlines()), "")


def messages(records):
    """Messages by (connection, side), each as the tuple that must agree; `None` where it cannot be read whole."""
    out = {}
    for record in records:
        if record.get("type", "message") != "message":
            continue
        side = record.get("from") or record.get("side")
        # Without its context a compressed message may be whole on the wire and still not be readable.
        complete = record.get("complete", True) and record["sha256"] is not None
        out.setdefault((record["connection"], side), []).append(digest(record) if complete else None)
    return out


def digest(record):
    kind = record["kind"]
    result = {"kind": kind, "sha256": record["sha256"], "length": record["length"]}
    if kind == "text":
        result["text"] = record.get("text")
    if kind == "close":
        empty = record["length"] == 0
        result["code"] = None if empty else record.get("code")
        result["reason"] = None if empty else record.get("reason") or ""
    return result


def same(ours, logged):
    """Whether two digests agree; a text that one side left out for its length is held by its hash."""
    texts = ours.get("text"), logged.get("text")
    keys = [k for k in logged if k != "text" or None not in texts]
    return all(ours.get(k) == logged.get(k) for k in keys)


def compare(golden, logged, partial):
    """The differences, as lines to print."""
    ours, theirs = messages(golden), messages(logged)
    found = []
    for key in sorted(set(ours) | set(theirs)):
        where = f"connection {key[0]} {key[1]}"
        mine, peer = ours.get(key, []), theirs.get(key, [])
        found += within(where, mine, peer) if partial else equal(where, mine, peer)
    return found


def equal(where, mine, peer):
    found = [] if len(mine) == len(peer) else [f"{where}: {len(mine)} messages, the endpoint logged {len(peer)}"]
    for n, (a, b) in enumerate(zip(mine, peer), 1):
        if a is None or not same(a, b):
            found.append(f"{where} message {n}: {short(a)}, the endpoint logged {short(b)}")
            break
    return found


def within(where, mine, peer):
    rest = iter(peer)
    for n, a in enumerate((m for m in mine if m is not None), 1):
        if not any(same(a, b) for b in rest):
            return [f"{where} complete message {n}: {short(a)} is not in what the endpoint logged, or not in this order"]
    return []


def short(message):
    if message is None:
        return "an incomplete message"
    text = {k: (v[:12] if k == "sha256" and v else v[:40] if isinstance(v, str) else v) for k, v in message.items()}
    return json.dumps(text, ensure_ascii=False)


def check(name, place, binary, write):
    """Returns (outcome, lines); the outcomes are the keys of `counts` in `main`."""
    folder, capture = place
    if capture is None:
        return "unchecked", ["no capture of this name"]
    log, golden, expect = (folder / f"{name}{end}" for end in (LOG, ".golden.ndjson", ".expect.json"))
    try:
        text = run(binary, name, folder, capture) if binary else golden.read_text()
    except FileNotFoundError:
        return "unchecked", ["no golden file"]
    except (RuntimeError, subprocess.TimeoutExpired) as error:
        return "unchecked", [str(error)]
    found = []
    if log.exists():
        partial = expect.exists() and json.loads(expect.read_text()).get("partial")
        if partial and not any(m for side in messages(lines(text)).values() for m in side):
            return "unchecked", ["no complete message to hold against the log"]
        found = compare(lines(text), lines(log.read_text()), partial)
    if binary and write and not found:
        golden.write_text(text)
    return ("different" if found else "ok" if log.exists() else "without a log"), found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*")
    parser.add_argument("--binary")
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    counts = {"ok": [], "different": [], "unchecked": [], "without a log": []}
    binary = arguments.binary and str(Path(arguments.binary).resolve())
    samples = walk()
    for name in arguments.names or sorted(samples):
        outcome, found = check(name, samples.get(name, (SAMPLES, None)), binary, arguments.write)
        counts[outcome].append(name)
        for line in found:
            print(f"{name}: {outcome}: {line}")
    if counts["without a log"]:
        print(f"without a log of the endpoints, so not checked: {', '.join(counts['without a log'])}")
    print(", ".join(f"{len(which)} {outcome}" for outcome, which in counts.items()))
    sys.exit(1 if counts["different"] else 2 if counts["unchecked"] else 0)


if __name__ == "__main__":
    main()
