"""Reads exports as other programs would: HAR against the rules of HAR 1.2 and the shape of Chrome's messages, csv and tsv
with Python's own csv module; and compares all of them with the NDJSON of the same capture.

usage: read_back.py FOLDER     for each NAME.ndjson in it: NAME.har, NAME.csv, NAME.tsv
"""

import base64
import csv
import json
import sys
from datetime import datetime
from pathlib import Path

csv.field_size_limit(1 << 30)
NAMED = {"name": str, "value": str}
NUMBER = (int, float)
MESSAGE = {"type": str, "time": float, "opcode": int, "data": str}
HEAD = {"httpVersion": str, "cookies": list, "headers": [NAMED], "headersSize": int, "bodySize": int}
REQUEST = {**HEAD, "method": str, "url": str, "queryString": [NAMED]}
RESPONSE = {**HEAD, "status": int, "statusText": str, "content": {"size": int, "mimeType": str}, "redirectURL": str}
ENTRY = {
    "startedDateTime": str, "time": NUMBER, "request": REQUEST, "response": RESPONSE, "cache": dict,
    "timings": {"send": NUMBER, "wait": NUMBER, "receive": NUMBER}, "_resourceType": str, "_webSocketMessages": [MESSAGE],
}
HAR = {"log": {"version": str, "creator": {"name": str, "version": str}, "entries": [ENTRY]}}


def check(value, shape, place):
    """The value has at least the members of the shape, with their types."""
    if isinstance(shape, dict):
        assert isinstance(value, dict), f"{place}: {value!r} is no object"
        for key, inner in shape.items():
            assert key in value, f"{place}: no {key}"
            check(value[key], inner, f"{place}.{key}")
    elif isinstance(shape, list):
        assert isinstance(value, list), f"{place}: {value!r} is no array"
        for at, item in enumerate(value):
            check(item, shape[0], f"{place}[{at}]")
    else:
        assert isinstance(value, shape) and not isinstance(value, bool), f"{place}: {value!r} is no {shape}"


def moment(text):
    """Seconds since 1970 of an RFC 3339 time with nanoseconds."""
    return datetime.fromisoformat(text[:26] + "+00:00").timestamp()


def har(path, lines):
    document = json.loads(path.read_text())
    check(document, HAR, path.name)
    assert document["log"]["version"] == "1.2"
    expected = [line for line in lines if line["type"] == "message" and line["kind"] in ("text", "binary")]
    connections = [line for line in lines if line["type"] == "connection" and line["handshake"]]
    shown = 0
    for entry in document["log"]["entries"]:
        datetime.fromisoformat(entry["startedDateTime"].replace("Z", "")[:26])
        is_connect = entry["request"]["method"] == "CONNECT"
        assert is_connect or entry["request"]["url"].split(":")[0] in ("ws", "wss"), entry["request"]["url"]
        assert entry["_resourceType"] == "websocket"
        times = [message["time"] for message in entry["_webSocketMessages"]]
        assert times == sorted(times), f"{path.name}: messages out of order"
        shown += len(times)
    assert shown == len(expected), f"{path.name}: {shown} of {len(expected)} messages"
    assert len(document["log"]["entries"]) >= len(connections), f"{path.name}: connections are missing"
    bag = []
    for entry in document["log"]["entries"]:
        for message in entry["_webSocketMessages"]:
            data = message["data"].encode() if message["opcode"] == 1 else base64.b64decode(message["data"], validate=True)
            bag.append((round(message["time"], 4), message["type"], message["opcode"], data))
    for line in expected:
        opcode = 1 if line["kind"] == "text" else 2
        if line["text"] is None and line["data"] is None or line["truncated"]:
            continue
        data = line["text"].encode() if line["text"] is not None else base64.b64decode(line["data"])
        kind = "send" if line["from"] == "client" else "receive"
        near = [m for m in bag if m[1:3] == (kind, opcode) and abs(m[0] - moment(line["time"])) < 0.001 and m[3] == data]
        assert near or opcode == 1, f"{path.name}: no message {line['connection']}/{line['message']}"
        assert near or any(m[1] == kind and m[3] == data for m in bag), f"{path.name}: no {line['text']!r}"


def table(path, lines, delimiter):
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file, delimiter=delimiter, quoting=csv.QUOTE_NONE if delimiter == "\t" else csv.QUOTE_MINIMAL,
                               strict=True))
    header, rows = rows[0], rows[1:]
    messages = [line for line in lines if line["type"] == "message"]
    assert len(rows) == len(messages), f"{path.name}: {len(rows)} rows for {len(messages)} messages"
    for row, line in zip(rows, messages):
        cells = dict(zip(header, row, strict=True))
        where = f"{path.name}: message {line['connection']}/{line['message']}"
        assert cells["connection"] == str(line["connection"]) and cells["message"] == str(line["message"]), where
        assert cells["message.kind"] == line["kind"] and cells["from"] == line["from"], where
        assert cells["message.length"] == ("" if line["length"] is None else str(line["length"])), where
        assert cells["frame.time"] == line["time"], where
        text = line["text"]
        if line["kind"] == "text" and text and text.isascii() and text.isprintable() and "\\" not in text:
            shown = cells["message.text"]
            assert shown in (text, "'" + text), f"{where}: {shown!r} for {text!r}"
            assert (shown != text) == (text[0] in "=+-@"), f"{where}: {shown!r}"


def main():
    folder, checked = Path(sys.argv[1]), 0
    for path in sorted(folder.glob("*.ndjson")):
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        har(path.with_suffix(".har"), lines)
        table(path.with_suffix(".csv"), lines, ",")
        table(path.with_suffix(".tsv"), lines, "\t")
        checked += 1
    print(f"{checked} captures")


if __name__ == "__main__":
    main()
