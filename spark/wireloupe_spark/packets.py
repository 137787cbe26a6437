"""`spark.read.format("wireloupe-packets")`: the packets of captures with the hash of their flow."""

from . import worker

SCHEMA = (
    "file string, number long, time timestamp, time_ns long, flow long, link int, length int, "
    "captured int, data binary"
)


def register(spark):
    """Makes the format known to this session."""
    spark.dataSource.register(_source())


def _source():
    from pyspark.sql.datasource import DataSource, DataSourceReader, InputPartition

    class File(InputPartition):
        def __init__(self, path):
            super().__init__(path)
            self.path = path

    class Reader(DataSourceReader):
        def __init__(self, options):
            self.options = options

        def partitions(self):
            from .job import _files

            return [File(path) for path in _files(self.options["path"].split(","))]

        def read(self, partition):
            program = worker.binary(self.options.get("binary"))
            arguments = ["packets", partition.path]
            yield from worker.batches(program, arguments, partition.path)

    class Packets(DataSource):
        @classmethod
        def name(cls):
            return "wireloupe-packets"

        def schema(self):
            return SCHEMA

        def reader(self, schema):
            return Reader(self.options)

    return Packets
