"""Holds tables against NDJSON, row by row: columns.py ROOT [ENGINE...].

Each folder in ROOT has all.ndjson and the tables of one capture. Engines: duckdb, polars, pyarrow (Parquet), ipc (the streams
NAME.arrow). Says what differs.
"""

import base64
import datetime
import json
import pathlib
import sys


def nanoseconds(text):
    if text is None:
        return None
    whole, fraction = text.rstrip("Z").split(".")
    moment = datetime.datetime.fromisoformat(whole).replace(tzinfo=datetime.timezone.utc)
    return int(moment.timestamp()) * 10**9 + int(fraction.ljust(9, "0"))


def address(text):
    host, port = text.rsplit(":", 1)
    return host.strip("[]"), int(port)


def small(number):
    """Tables have 63 bits."""
    return number if number is None else min(number, 2**63 - 1)


def from_client(row):
    return None if row["from"] is None else row["from"] == "client"


def message(row):
    decoded = row["decoded"] or {}
    return {
        "connection": row["connection"],
        "message": row["message"],
        "from_client": from_client(row),
        "time_ns": nanoseconds(row["time"]),
        "kind": row["kind"],
        "first_frame": row["frames"][0] if row["frames"] else None,
        "frame_count": len(row["frames"]),
        "compressed": row["compressed"],
        "wire_length": small(row["wire_length"]),
        "length": small(row["length"]),
        "complete": row["complete"],
        "truncated": row["truncated"],
        "text": row["text"],
        "data": None if row["data"] is None else base64.b64decode(row["data"]),
        "sha256": None if row["sha256"] is None else bytes.fromhex(row["sha256"]),
        "close_code": row["code"],
        "close_reason": row["reason"],
        "protocol": decoded.get("protocol"),
        "summary": decoded.get("summary"),
        "request": decoded.get("request"),
        "call_ns": decoded.get("time"),
    }


def frame(row):
    return {
        "connection": row["connection"],
        "frame": row["frame"],
        "from_client": from_client(row),
        "time_ns": nanoseconds(row["time"]),
        "fin": row["fin"],
        "rsv": row["rsv1"] << 2 | row["rsv2"] << 1 | row["rsv3"],
        "opcode": row["opcode"],
        "masked": row["masked"],
        "payload_length": small(row["payload_length"]),
        "captured_length": small(row["captured_length"]),
        "header_length": row["header_length"],
        "stream_offset": row["stream_offset"],
        "packet_first": row["packets"][0] if row["packets"] else None,
        "packet_count": len(row["packets"]),
        "message": row["message"],
    }


def finding(row):
    names = ["connection", "packet", "severity", "code", "section", "frame", "message", "text"]
    return {
        **{name: row[name] for name in names},
        "from_client": from_client(row),
        "time_ns": nanoseconds(row["time"]),
    }


def connection(row):
    handshake = row["handshake"] or {"outcome": "refused"}
    tunnel = row["tunnel"] or {}
    (client_ip, client_port), (server_ip, server_port) = address(row["client"]), address(row["server"])
    status = handshake.get("status") if row["handshake"] else tunnel.get("status")
    counts = {
        f"{what}_{side}": row[what][side]
        for what in ["frames", "messages", "bytes"]
        for side in ["client", "server"]
    }
    close = {f"close_{name}": row["close"][name] for name in ["by", "code", "reason", "clean", "ended_by"]}
    names = ["outcome", "method", "host", "target", "origin", "user_agent", "server_software", "version",
             "subprotocol", "extensions", "accept_valid", "request_packet", "response_packet"]
    return {
        "connection": row["connection"],
        "time_ns": nanoseconds(row["opened"]),
        "closed_ns": nanoseconds(row["closed"]),
        "client_ip": client_ip, "client_port": client_port,
        "server_ip": server_ip, "server_port": server_port,
        "transport": row["transport"],
        "packets": row["packets"],
        "status": status,
        **{name: handshake.get(name) for name in names},
        "tunnel_target": tunnel.get("target"),
        "tunnel_status": tunnel.get("status"),
        **counts,
        **close,
        "protocol": row["protocol"],
    }


def call(row):
    names = ["connection", "packet", "protocol", "method", "request", "answer", "error"]
    return {
        **{name: row[name] for name in names},
        "from_client": from_client(row),
        "time_ns": nanoseconds(row["time"]),
        "call_ns": row["elapsed"],
    }


def exchange(row):
    (client_ip, client_port), (server_ip, server_port) = address(row["client"]), address(row["server"])
    counts = {
        f"{what}_bytes_{side}": row[f"{what}_bytes"][side]
        for what in ["head", "body"]
        for side in ["client", "server"]
    }
    return {
        "connection": None,
        "time_ns": nanoseconds(row["time"]),
        "client_ip": client_ip, "client_port": client_port,
        "server_ip": server_ip, "server_port": server_port,
        **{name: row[name] for name in ["method", "resource", "status", "event_stream"]},
        "answered_ns": nanoseconds(row["answered"]),
        "ended_ns": nanoseconds(row["ended"]),
        **counts,
    }


KINDS = {"messages": ("message", message), "frames": ("frame", frame),
         "findings": ("finding", finding), "connections": ("connection", connection),
         "exchanges": ("exchange", exchange), "calls": ("call", call)}


def duckdb(path):
    import duckdb

    result = duckdb.connect(":memory:").execute(f"select * from read_parquet('{path}.parquet')")
    names = [column[0] for column in result.description]
    return [dict(zip(names, row)) for row in result.fetchall()]


def polars(path):
    import polars

    return polars.read_parquet(f"{path}.parquet").to_dicts()


def pyarrow(path):
    import pyarrow.parquet

    table = pyarrow.parquet.read_table(f"{path}.parquet")
    assert table.schema.metadata[b"wireloupe.schema"] == b"1", table.schema.metadata
    return table.to_pylist()


def ipc(path):
    import pyarrow

    with open(f"{path}.arrow", "rb") as file:
        table = pyarrow.ipc.open_stream(file).read_all()
    table.validate(full=True)
    return table.to_pylist()


def differences(engine, folder, rows):
    for table, (kind, convert) in KINDS.items():
        expected = [convert(row) for row in rows if row["type"] == kind]
        found = engine(f"{folder}/{table}")
        if len(found) != len(expected):
            yield f"{table}: {len(found)} rows instead of {len(expected)}"
            continue
        for at, (there, wanted) in enumerate(zip(found, expected)):
            for name, value in wanted.items():
                if there[name] != value:
                    yield f"{table} row {at}: {name} is {there[name]!r} instead of {value!r}"
            moment = there["time"]
            micros = (moment - datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)) // datetime.timedelta(microseconds=1)
            if moment.utcoffset() != datetime.timedelta(0) or micros != there["time_ns"] // 1000:
                yield f"{table} row {at}: time is {moment!r}, time_ns {there['time_ns']}"
            if wanted["connection"] is not None and not there["uid"].startswith("C"):
                yield f"{table} row {at}: uid is {there['uid']!r}"


def main():
    root, *engines = sys.argv[1:]
    failed = False
    compared = dict.fromkeys(KINDS, 0)
    for folder in sorted(path for path in pathlib.Path(root).iterdir() if path.is_dir()):
        with open(folder / "all.ndjson", encoding="utf-8") as file:
            rows = [json.loads(line) for line in file]
        for table, (kind, _) in KINDS.items():
            compared[table] += sum(row["type"] == kind for row in rows)
        for name in engines or ["duckdb", "polars", "pyarrow", "ipc"]:
            for count, what in enumerate(differences(globals()[name], folder, rows)):
                failed = True
                print(f"{folder.name}: {name}: {what}")
                if count > 10:
                    break
    # A table of which no sample has a row is not compared.
    empty = [table for table, count in compared.items() if count == 0]
    print(compared)
    sys.exit(failed or bool(empty))


main()
