"""The job over captures that were cut anywhere says what one process says of the whole."""

import hashlib
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

import pyarrow as pa
from pyspark.sql import SparkSession

import wireloupe_spark as wireloupe
from wireloupe_spark import worker

SAMPLES = Path(__file__).resolve().parents[2] / "samples"

# What does not depend on the part: numbers of packets and connections are counted in each.
MESSAGES = ["uid", "message", "time_ns", "from_client", "kind", "length", "wire_length", "text", "data", "sha256", "protocol"]
CONNECTIONS = ["uid", "community_id", "time_ns", "outcome", "host", "target", "subprotocol", "extensions", "messages_client",
               "messages_server", "bytes_client", "bytes_server", "close_code", "close_clean", "close_ended_by"]


def find(name):
    (path,) = [path for path in SAMPLES.rglob(f"{name}.pcap*") if path.suffix in (".pcap", ".pcapng")]
    return path


def cut(capture, count, folder):
    """Pieces of a capture as a sensor rotates its files: by packets, in the middle of whatever goes on."""
    data = capture.read_bytes()
    if data[:4] == b"\x0a\x0d\x0d\x0a":
        head, packets, at = b"", [], 0
        while at < len(data):
            length = int.from_bytes(data[at + 4 : at + 8], "little")
            block = data[at : at + length]
            at += length
            if int.from_bytes(block[:4], "little") == 6:
                packets.append(block)
            elif int.from_bytes(block[:4], "little") in (0x0A0D0D0A, 1):
                head += block  # what stands between packets is left out: drop counts, names, secrets
    else:
        head, packets, at = data[:24], [], 24
        while at < len(data):
            length = 16 + int.from_bytes(data[at + 8 : at + 12], "little")
            packets.append(data[at : at + length])
            at += length
    size = -(-len(packets) // count)
    paths = []
    for index in range(0, len(packets), size):
        path = Path(folder) / f"{capture.stem}-{index:06}{capture.suffix}"
        path.write_bytes(head + b"".join(packets[index : index + size]))
        paths.append(str(path))
    return paths


def digest(rows):
    lines = sorted(repr(tuple(bytes(v) if isinstance(v, bytearray) else v for v in row)) for row in rows)
    return len(lines), hashlib.sha256("\n".join(lines).encode()).hexdigest()


def one_process(files, show, columns, keys=None):
    arguments = ["read", "--format", "arrow", "--show", show, "--digest"]
    if keys:
        arguments += ["--keylog", str(keys)]
    out = worker.run(worker.binary(), [*arguments, *map(str, files)], show)
    table = pa.ipc.open_stream(out).read_all()
    return digest(tuple(row[name] for name in columns) for row in table.to_pylist())


class Job(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.spark = (
            SparkSession.builder.master("local[2]")
            .appName("wireloupe")
            .config("spark.ui.enabled", "false")
            .config("spark.sql.shuffle.partitions", "4")
            .config("spark.driver.memory", "1g")
            .getOrCreate()
        )
        cls.spark.sparkContext.setLogLevel("ERROR")

    @classmethod
    def tearDownClass(cls):
        cls.spark.stop()

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()

    def tearDown(self):
        self.folder.cleanup()

    def rows(self, table, columns):
        return digest(tuple(row) for row in table.select(*columns).collect())

    def same(self, name, pieces, keys=None):
        whole = find(name)
        self.equal(whole, pieces, keys)

    def equal(self, whole, pieces, keys=None, partitions=3):
        name = whole.stem
        files = cut(whole, pieces, self.folder.name)
        self.assertGreater(len(files), 3)
        for show, columns in [("messages", MESSAGES), ("connections", CONNECTIONS)]:
            expected = one_process([whole], show, columns, keys)
            self.assertGreater(expected[0], 0)
            table = wireloupe.table(self.spark, files, show, keys=keys and str(keys), partitions=partitions, digest=True)
            self.assertEqual(self.rows(table, columns), expected, f"{name}: {show}")

    def test_flows_cut_in_the_middle(self):
        self.same("websockets-basic", 7)

    def test_a_thousand_flows_in_forty_files(self):
        """Each of the 1,000 connections of *small* (docs/performance.md) goes through all forty files."""
        small = os.environ.get("WIRELOUPE_SMALL")
        if not small:
            self.skipTest("WIRELOUPE_SMALL names no capture: spark/test makes one")
        self.equal(Path(small), 40, partitions=8)

    def test_deflate_contexts_cut_in_the_middle(self):
        self.same("ws-deflate-fragments", 5)

    def test_tls_sessions_cut_in_the_middle(self):
        capture = find("wss-chromium")
        self.same("wss-chromium", 6, capture.with_name("wss-chromium.keys"))

    def test_a_retry_gives_the_same_rows(self):
        files = cut(find("websockets-basic"), 4, self.folder.name)
        once = wireloupe.messages(self.spark, files, partitions=2).collect()
        again = wireloupe.messages(self.spark, files, partitions=2).collect()
        self.assertEqual(sorted(map(repr, once)), sorted(map(repr, again)))

    def test_skew_says_who_has_the_bytes(self):
        files = cut(find("websockets-basic"), 3, self.folder.name)
        rows = wireloupe.skew(self.spark, files, partitions=3).collect()
        self.assertAlmostEqual(sum(row.share for row in rows), 1, places=2)
        self.assertEqual([row.bytes for row in rows], sorted((row.bytes for row in rows), reverse=True))

    def test_failures_name_the_file_and_no_secret(self):
        broken = Path(self.folder.name) / "broken.pcap"
        broken.write_bytes(b"this is no capture")
        secret = "5ec" + "7e7" * 31
        keys = f"CLIENT_RANDOM {'ab' * 32} {secret}\n".encode()
        with self.assertRaises(Exception) as failure:
            wireloupe.messages(self.spark, [str(broken)], keys=keys, partitions=2).collect()
        self.assertIn("broken.pcap", str(failure.exception))
        self.assertNotIn(secret[:20], str(failure.exception))


if __name__ == "__main__":
    unittest.main()
