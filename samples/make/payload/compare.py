#!/usr/bin/env python3
"""Compares what a program decodes of messages with what the protocols' own libraries said: per sample the fields that agree.

    samples/make/payload/compare.py PROGRAM             every sample of samples/payload with a NAME.protocol.ndjson, joined ones too
    samples/make/payload/compare.py PROGRAM NAME...     those whose name contains one of the words

PROGRAM read CAPTURE --show messages --format ndjson is run. Per connection and side the units are laid beside each other in order, by
the fields that come first in the log; then each field of the log is right, wrong, or absent from what was decoded. Of samples named
plain-* no message may be taken for a protocol. Exits 1 when anything is wrong or a unit is missing or too many.
"""

import difflib
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "payload"
ENCODINGS = {"json", "ndjson", "messagepack", "cbor", "protobuf", "avro", "xml", "bson", "image", "gzip", "zlib", "deflate", "brotli", "zstd"}


def decoded(program, capture):
    """The units by (connection, side): protocol, fields and the message's number."""
    command = [program, "read", capture.name, "--show", "messages", "--format", "ndjson"]
    done = subprocess.run(command, cwd=capture.parent, capture_output=True, text=True, timeout=120)
    units = {}
    for line in done.stdout.split("\n"):
        record = json.loads(line) if line else {}
        if not (what := record.get("decoded")):
            continue
        fields = what["fields"] if isinstance(what["fields"], list) else [what["fields"]]
        units.setdefault((record["connection"], record["from"]), []).extend(
            (what["protocol"], {**each, "protocols": "/".join(what["protocols"])}, record["message"])
            for each in fields if each or what["protocol"] in ENCODINGS)
    return units


def logged(path):
    units = {}
    for line in path.read_text().split("\n"):
        if line:
            unit = json.loads(line)
            stack = {"protocols": "/".join(unit["protocols"])} if "protocols" in unit else {}
            units.setdefault((unit["connection"], unit["from"]), []).append((unit["protocol"], {**unit["fields"], **stack}))
    return units


def expanded(found, names):
    """Every unit of each message by itself, with what was decoded of the message: several units make a list of each field's values."""
    for protocol, fields, message in found:
        whole = {"fields": fields, "units": []}
        several = next((name for name in names if isinstance(fields.get(name), list)), None)
        for each in fields[several] if several else [None]:
            yield protocol, {name: each if name == several else fields.get(name) for name in names}, message, whole


def beside(said, found):
    """Pairs of a unit of the log and a decoded one, either of them None where it has no other."""
    names = list(dict.fromkeys(next(iter(fields), None) for _, fields in said))
    found = list(expanded(found, names))
    ours = [json.dumps({name: unit[1].get(name) for name in names}) for unit in said]
    theirs = [json.dumps(unit[1]) for unit in found]
    for _, a, b, c, d in difflib.SequenceMatcher(None, ours, theirs, autojunk=False).get_opcodes():
        left, right = said[a:b], found[c:d]
        for n in range(max(len(left), len(right))):
            yield (left[n] if n < len(left) else None), (right[n] if n < len(right) else None)


def joined(units, name):
    """What a field of these units is in one message: the value, or the list of all values."""
    values = [unit[name] for unit in units if name in unit]
    flat = [one for value in values for one in (value if isinstance(value, list) else [value])]
    return flat[0] if len(flat) == 1 else flat


def compare(said, found, report):
    counts = Counter()
    for where in sorted(set(said) | set(found)):
        messages = []
        for unit, other in beside(said.get(where, []), found.get(where, [])):
            if unit is None and other[0] in ENCODINGS:
                continue  # A text of no protocol among the others.
            if unit is None or other is None:
                counts["missing" if other is None else "too many"] += 1
                report(where, "missing" if other is None else f"too many, message {other[2]}", (unit or other)[:2])
                continue
            if unit[0] != other[0]:
                counts["other protocol"] += 1
                report(where, f"message {other[2]}: protocol", (unit[0], other[0]))
            if not other[3]["units"]:
                messages.append(other)
            other[3]["units"].append(unit[1])
        for _, _, message, whole in messages:
            for name in dict.fromkeys(name for unit in whole["units"] for name in unit):
                value, decoded_value = joined(whole["units"], name), whole["fields"].get(name)
                same = decoded_value in (value, [value])
                verdict = "absent" if name not in whole["fields"] else "right" if same else "wrong"
                counts[verdict] += sum(name in unit for unit in whole["units"])
                if verdict == "wrong":
                    report(where, f"message {message}: {name}", (value, decoded_value))
    return counts


def main():
    program, *words = sys.argv[1:] or sys.exit(__doc__)
    program = str(Path(program).resolve())
    failed = False
    for capture in sorted(FOLDER.glob("*.pcapng")):
        name = capture.name.removesuffix(".pcapng")
        log = FOLDER / f"{name.removesuffix('.joined')}.protocol.ndjson"
        if words and not any(word in name for word in words) or not (log.exists() or name.startswith("plain-")):
            continue
        found, shown = decoded(program, capture), []
        report = lambda where, what, values: shown.append(f"  connection {where[0]} {where[1]}: {what}: {json.dumps(values, ensure_ascii=False)[:160]}")
        if log.exists():
            counts = compare(logged(log), found, report)
        else:
            taken = Counter(protocol for units in found.values() for protocol, _, _ in units if protocol not in ENCODINGS)
            counts = Counter({"other protocol": sum(taken.values())})
            shown = [f"  taken for {protocol}: {count}" for protocol, count in taken.items()]
        print(f"{name}: " + (", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items())) or "nothing taken for a protocol"))
        print("\n".join(shown[:5]), end="\n" if shown else "")
        failed |= bool(counts["wrong"] + counts["missing"] + counts["too many"] + counts["other protocol"])
    sys.exit(failed)


if __name__ == "__main__":
    main()
