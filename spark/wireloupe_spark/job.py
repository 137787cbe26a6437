"""Files in, tables out: dealt out by flow, shuffled in pieces, read part by part."""

import glob
import os
import shutil
import tempfile

from . import worker

# Bytes of a piece of a capture that is shuffled in one row.
PIECE = 4 << 20

PIECES = "part int, file long, at long, name string, piece binary"


def table(spark, paths, show, keys=None, partitions=None, possible_only=True, digest=False,
          filter=None, binary=None):
    """The rows of one table (connections, messages, frames, findings, exchanges, calls) of all captures in `paths`.

    `keys` is the path of a TLS key log on the driver, or its bytes. `filter` is a display filter (`-Y`).
    """
    secrets = _secrets(keys)
    schema = _schema(show, binary)
    pieces, count = _pieces(spark, paths, secrets, partitions, possible_only, binary)
    parts = pieces.repartition(count, "part").sortWithinPartitions("part", "file", "at")
    arguments = ["read", "--format", "arrow", "--show", show, "--threads", "1"]
    if digest:
        arguments.append("--digest")
    if filter:
        arguments += ["-Y", filter]

    def read(pieces):
        yield from _read(pieces, arguments, secrets, binary)

    return parts.mapInArrow(read, schema)


def connections(spark, paths, **options):
    """A row a connection."""
    return table(spark, paths, "connections", **options)


def messages(spark, paths, **options):
    """A row a message, put together and inflated."""
    return table(spark, paths, "messages", **options)


def frames(spark, paths, **options):
    """A row a frame."""
    return table(spark, paths, "frames", **options)


def findings(spark, paths, **options):
    """A row for everything that is wrong or worth a note."""
    return table(spark, paths, "findings", **options)


def exchanges(spark, paths, **options):
    """A row a request over HTTP/1 beside the WebSockets, and its answer."""
    return table(spark, paths, "exchanges", **options)


def calls(spark, paths, **options):
    """A row a call inside messages."""
    return table(spark, paths, "calls", **options)


def skew(spark, paths, partitions=None, possible_only=True, binary=None):
    """Bytes that each part has to read, the most first. A flow is never divided: a part that is far larger than the others has
    a huge one, which more partitions do not help."""
    from pyspark.sql import functions as f

    pieces, _ = _pieces(spark, paths, None, partitions, possible_only, binary)
    sizes = pieces.groupBy("part").agg(f.sum(f.length("piece")).alias("bytes"))
    total = sizes.agg(f.sum("bytes").alias("total"))
    share = f.round(f.col("bytes") / f.col("total"), 4).alias("share")
    return sizes.crossJoin(total).select("part", "bytes", share).orderBy(f.desc("bytes"))


def _secrets(keys):
    if keys is None or isinstance(keys, (bytes, bytearray)):
        return bytes(keys or b"")
    with open(keys, "rb") as file:
        return file.read()


def _files(paths):
    paths = [paths] if isinstance(paths, str) else list(paths)
    found = []
    for path in paths:
        matches = sorted(glob.glob(path))
        if not matches:
            raise worker.Failed(f"{path}: no such file")
        found += matches
    return found


def _schema(show, binary):
    """The table's schema, from the program itself: it writes an empty one."""
    import pyarrow as pa
    from pyspark.sql.pandas.types import from_arrow_schema

    program = worker.binary(binary)
    with tempfile.TemporaryDirectory() as folder:
        empty = os.path.join(folder, "empty.pcap")
        with open(empty, "wb") as file:  # a header and no packet
            file.write(bytes.fromhex("d4c3b2a1020004000000000000000000ffff000001000000"))
        out = worker.run(program, ["read", "--format", "arrow", "--show", show, empty], "the schema")
    return from_arrow_schema(pa.ipc.open_stream(out).schema)


def _pieces(spark, paths, secrets, partitions, possible_only, binary):
    """Pieces of captures with the part they belong to, and how many parts there are."""
    files = _files(paths)
    count = partitions or max(2, spark.sparkContext.defaultParallelism)
    rows = [(index, path) for index, path in enumerate(files)]
    named = spark.createDataFrame(rows, "file long, name string").repartition(len(rows), "file")

    def split(names):
        for batch in names:
            for file, name in zip(batch.column(0).to_pylist(), batch.column(1).to_pylist()):
                yield from _split(file, name, count, possible_only, binary)

    return named.mapInArrow(split, PIECES), count


def _split(file, name, count, possible_only, binary):
    import pyarrow as pa

    program = worker.binary(binary)
    folder = tempfile.mkdtemp(prefix="wireloupe-")
    try:
        arguments = ["split", "--by-flow", str(count), "-o", folder]
        if possible_only:
            arguments.append("--only-possible")
        worker.run(program, [*arguments, name], name)
        width = len(str(count))
        for part in range(count):
            path = os.path.join(folder, f"part-{part + 1:0{width}}-of-{count}.pcapng")
            with open(path, "rb") as piece:
                at = 0
                while data := piece.read(PIECE):
                    columns = [[part], [file], [at], [name], [data]]
                    types = [pa.int32(), pa.int64(), pa.int64(), pa.string(), pa.binary()]
                    arrays = [pa.array(column, kind) for column, kind in zip(columns, types)]
                    yield pa.RecordBatch.from_arrays(arrays, ["part", "file", "at", "name", "piece"])
                    at += len(data)
            os.unlink(path)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _read(pieces, arguments, secrets, binary):
    """Reads the parts of one partition, one after another."""
    folder, current, files = None, None, []
    try:
        for batch in pieces:
            for part, file, name, piece in zip(
                batch.column(0).to_pylist(),
                batch.column(1).to_pylist(),
                batch.column(3).to_pylist(),
                batch.column(4),
            ):
                if part != current:
                    if current is not None:
                        yield from _rows(current, files, arguments, secrets, binary)
                        shutil.rmtree(folder, ignore_errors=True)
                    folder, current, files = tempfile.mkdtemp(prefix="wireloupe-"), part, []
                path = os.path.join(folder, f"{file:08}-{os.path.basename(name)}.pcapng")
                if not files or files[-1] != path:
                    files.append(path)
                with open(path, "ab") as out:
                    out.write(piece.as_buffer())
        if current is not None:
            yield from _rows(current, files, arguments, secrets, binary)
    finally:
        if folder:
            shutil.rmtree(folder, ignore_errors=True)


def _rows(part, files, arguments, secrets, binary):
    with worker.key_log(secrets) as keys:
        what = f"part {part} of {len(files)} files, the first of them {os.path.basename(files[0])}"
        yield from worker.batches(worker.binary(binary), [*arguments, *keys, *files], what)
