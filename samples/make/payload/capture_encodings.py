"""Messages of no protocol in the encodings that programs use: compressed, packed, schemas, images. The log names the encoder that made each."""

import base64
import gzip
import json
import random
import struct
import zlib

import stage

stage.enter()

import brotli
import bson
import cbor2
import msgpack
import zstandard
from google.protobuf.struct_pb2 import Struct
from google.protobuf.timestamp_pb2 import Timestamp

from python_endpoints import client, echo, server, settle
from stage import sample

PORT = 9042
VALUE = {"symbol": "TEA-EUR", "bids": [[2.5, 100], [2.25, 7]], "note": "Grüße, 世界", "last": None, "open": True, "big": 12345678901234567890}
SMALL = {k: v for k, v in VALUE.items() if k != "big"}
TEXT = json.dumps(VALUE, ensure_ascii=False).encode()


def raw_deflate(data):
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


def protobuf():
    struct_message = Struct()
    struct_message.update(SMALL)
    return struct_message.SerializeToString()


def png():
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + bytes([x * 60, 0, 200] * 4) for x in range(3))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 4, 3, 8, 2, 0, 0, 0)) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def gif():
    return base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")


MADE = {
    "text": [
        (["json"], TEXT.decode()), (["json"], json.dumps(VALUE, indent=2)), (["json"], '{"a":1,"a":2,"n":1e400,"deep":[[[[[[1]]]]]]}'), (["json"], "[1,2,3]"),
        (["ndjson"], '{"a":1}\n{"a":2}\n'), (["xml"], '<?xml version="1.0"?><prices xmlns="urn:lab"><tea currency="EUR">2.5</tea></prices>'),
        (["base64", "json"], base64.b64encode(TEXT).decode()),
    ],
    "compressed": [
        (["gzip", "json"], gzip.compress(TEXT, mtime=0)), (["zlib", "json"], zlib.compress(TEXT)), (["deflate", "json"], raw_deflate(TEXT)),
        (["brotli", "json"], brotli.compress(TEXT)), (["zstd", "json"], zstandard.ZstdCompressor().compress(TEXT)),
        (["gzip", "msgpack"], gzip.compress(msgpack.packb(SMALL), mtime=0)), (["gzip"], gzip.compress(random.Random(1).randbytes(60), mtime=0)),
    ],
    "packed": [
        (["messagepack"], msgpack.packb(SMALL)), (["messagepack"], msgpack.packb([1, -1, "x", b"\0\1", {"k": [None, 2.5]}])),
        (["messagepack"], msgpack.packb({"when": msgpack.Timestamp(1704067200, 5), "ext": msgpack.ExtType(9, b"abc")})),
        (["cbor"], cbor2.dumps(VALUE)), (["cbor"], cbor2.dumps(cbor2.CBORTag(55799, [1, -1, "x", b"\0\1", 2.5]))), (["bson"], bson.encode(SMALL)),
        (["protobuf"], protobuf()), (["protobuf"], Timestamp(seconds=1704067200, nanos=5).SerializeToString()),
    ],
    "images": [(["image"], png()), (["image"], gif())],
}
MADE["compressed"][5] = (["gzip", "messagepack"], MADE["compressed"][5][1])

for name, messages in MADE.items():
    @sample(f"encoding-{name}.pcapng", programs=["websockets", "brotli", "zstandard", "msgpack", "cbor2", "protobuf", "pymongo"], bpf=f"tcp port {PORT}",
            shows=f"no protocol, encodings: {', '.join(sorted({'>'.join(stack) for stack, _ in messages}))}; echoed")
    async def encoding(run, messages=messages):
        async with server(run, echo, port=PORT, compression=None):
            async with client(run, f"ws://127.0.0.1:{PORT}/feed", compression=None) as connection:
                for stack, message in messages:
                    for side in ("client", "server"):
                        run.unit(1, side, stack[-1], protocols=stack)
                    await connection.send(message)
                    await connection.recv()
        await settle(0.1)


if __name__ == "__main__":
    stage.main()
