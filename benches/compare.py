#!/usr/bin/env python3
"""Measures Wireloupe, tshark and a bare read loop on the same inputs, alternately in one run.

    benches/compare.py [--scale 0.2] [--runs 5] [--dir /tmp/wireloupe-perf] [--floor PATH] [--sections targets,growth]
                       [--write docs/performance.md]

Builds the program and the generator with cargo, makes the inputs (they are kept in --dir and used again), and prints
tables in Markdown. With --write, the tables replace what stands between the marks of the same name in that file:

    <!-- targets --> ... <!-- /targets -->

Times are user+sys seconds of one process whose output goes to a pipe; medians. A bare loop is a program that takes
`LEVEL FILE` and lists, inflates or writes JSON (levels `list`, `inflate`, `json`); without it those columns are empty.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FIELDS = "-e frame.number -e websocket.opcode -e websocket.payload_length".split()
ORDINARY = {
    "small": "500MB",
    "bulk": "500MB",
    "mixed": "500MB",
    "lossy": "100MB",
    "manyflows": "200k",
    "deflate": "200MB",
}
HOSTILE = ["half-open", "holes", "tiny", "overlaps", "again", "headers", "lengths", "collide", "lost", "bomb"]
GROWTH = {
    "small": ["10MB", "100MB", "1000MB", "4000MB"],
    "flows": ["1k", "10k", "100k", "1M"],
    "frames": ["100k", "1M", "10M"],
    "fragments": ["10k", "100k", "1M"],
    "depth": ["10", "100", "1000", "10000"],
}


class Run:
    """What one process took."""

    def __init__(self, command):
        begin = time.monotonic()
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.output = 0
        drain = threading.Thread(target=self._drain, args=(process.stdout,))
        drain.start()
        _, status, usage = os.wait4(process.pid, 0)
        drain.join()
        process.returncode = os.waitstatus_to_exitcode(status)
        self.wall = time.monotonic() - begin
        self.cpu = usage.ru_utime + usage.ru_stime
        self.peak_mb = usage.ru_maxrss / 1000
        self.status = process.returncode
        if self.status not in (0, 1):
            sys.exit(f"{' '.join(command)}: exit code {self.status}")

    def _drain(self, pipe):
        while chunk := pipe.read(1 << 20):
            self.output += len(chunk)


def alternately(commands, runs):
    """Runs every command once, then every command again; the runs of each."""
    results = {name: [] for name in commands}
    for _ in range(runs):
        for name, command in commands.items():
            results[name].append(Run(command))
    return results


def median(runs, what="cpu"):
    return statistics.median(getattr(run, what) for run in runs)


def scaled(size, scale):
    digits = "".join(c for c in size if c.isdigit())
    unit = size[len(digits):]
    thousand = {"k": 1000, "M": 1_000_000}.get(unit)
    if thousand:
        return str(max(1, int(int(digits) * thousand * scale)))
    return f"{max(1, int(int(digits) * scale))}{unit}"


def cargo(*arguments):
    subprocess.run(["cargo", *arguments], cwd=ROOT, check=True)


class Bench:
    def __init__(self, options):
        self.options = options
        self.directory = Path(options.dir)
        self.directory.mkdir(parents=True, exist_ok=True)
        target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release"
        self.program = options.program or str(target / "wireloupe")
        self.generator = options.generator or str(target / "examples" / "generate")
        if not options.program:
            cargo("build", "--release")
        if not options.generator:
            cargo("build", "--release", "--example", "generate")

    def input(self, name, size):
        path = self.directory / f"{name}-{size}.pcap"
        if not path.exists():
            unfinished = path.with_suffix(".part")
            subprocess.run([self.generator, name, size, str(unfinished)], check=True)
            unfinished.rename(path)
        path.read_bytes() if path.stat().st_size < 1 << 20 else subprocess.run(["cat", path], stdout=subprocess.DEVNULL)
        return str(path)

    def read(self, path, *arguments):
        return [self.program, "read", *arguments, path]

    def one_thread(self, path, *arguments):
        return self.read(path, "--threads", "1", *arguments)

    def targets(self):
        """The rows of the table of targets, each a multiple of the bare loop on the same input."""
        floor = self.options.floor
        lines = [
            "| input | size | bare loop, s | list | tshark | text | text, 2 threads: wall | messages | bare messages | peak, MB |",
            "|---|---|---|---|---|---|---|---|---|---|",
        ]
        for name, size in ORDINARY.items():
            size = scaled(size, self.options.scale)
            path = self.input(name, size)
            commands = {
                "list": self.one_thread(path, "--format", "tsv", *FIELDS),
                "text": self.one_thread(path),
                "text wall 1": self.one_thread(path),
                "text wall 2": self.read(path, "--threads", "2"),
            }
            if name == "deflate":
                inflated = ["--format", "tsv", "-e", "frame.number", "-e", "message.length"]
                commands["messages"] = self.one_thread(path, "--show", "messages", *inflated)
            else:
                commands["messages"] = self.one_thread(path, "--show", "messages", "--format", "ndjson")
            if floor:
                commands["floor"] = [floor, "list", path]
                commands["floor messages"] = [floor, "inflate" if name == "deflate" else "json", path]
            results = alternately(commands, self.options.runs)
            if self.options.tshark and shutil.which("tshark"):
                fields = ["tshark", "-n", "-r", path, "-Y", "websocket", "-T", "fields", *FIELDS]
                results["tshark"] = [Run(fields)]
            lines.append(self.row(name, size, results))
            print(lines[-1], file=sys.stderr, flush=True)
        return lines

    def row(self, name, size, results):
        def ratio(one, other):
            if one not in results or other not in results:
                return "-"
            return f"{median(results[one]) / max(median(results[other]), 0.001):.2f}"

        def seconds(one):
            return f"{median(results[one]):.2f}" if one in results else "-"

        wall = median(results["text wall 2"], "wall") / median(results["text wall 1"], "wall")
        listed = f"{seconds('list')} ({ratio('list', 'floor')})"
        text = f"{seconds('text')} ({ratio('text', 'floor')})"
        messages = f"{seconds('messages')} ({ratio('messages', 'floor messages')})"
        tshark = f"{seconds('tshark')} ({ratio('tshark', 'list')} times list)"
        peak = max(run.peak_mb for run in results["text"])
        return (
            f"| {name} | {size} | {seconds('floor')} | {listed} | {tshark} | {text} | {wall:.2f} | {messages} "
            f"| {seconds('floor messages')} | {peak:.0f} |"
        )

    def curves(self, inputs, heading):
        lines = [f"| {heading} | size | file, MB | text, s | µs a packet | peak, MB |", "|---|---|---|---|---|---|"]
        for name, size in inputs:
            path = self.input(name, size)
            results = alternately({"text": self.one_thread(path, "--show", "all")}, min(3, self.options.runs))
            packets = self.packets(path)
            cpu = median(results["text"])
            peak = max(run.peak_mb for run in results["text"])
            megabytes = os.path.getsize(path) / 1e6
            lines.append(f"| {name} | {size} | {megabytes:.1f} | {cpu:.2f} | {cpu * 1e6 / packets:.2f} | {peak:.0f} |")
        return lines

    def packets(self, path):
        """Packets of a generated file, counted by their record headers."""
        count = 0
        with open(path, "rb", buffering=1 << 20) as file:
            file.seek(24)
            while header := file.read(16):
                count += 1
                file.seek(int.from_bytes(header[8:12], "little"), os.SEEK_CUR)
        return max(count, 1)

    def growth(self):
        inputs = [(name, scaled(size, self.options.scale) if name != "depth" else size)
                  for name, sizes in GROWTH.items() for size in sizes]
        return self.curves(inputs, "what grows")

    def hostile(self):
        sizes = ["10k", "100k", "1M"] if self.options.scale >= 1 else ["10k", "100k"]
        inputs = [(name, size) for name in HOSTILE for size in (sizes if name != "bomb" else ["100", "1k"])]
        return self.curves(inputs, "hostile input")

    def versions(self):
        def first_line(*command):
            return subprocess.run(command, capture_output=True, text=True).stdout.splitlines()[0]

        versions = [first_line(self.program, "--version"), first_line("rustc", "--version")]
        if self.options.tshark and shutil.which("tshark"):
            versions.append(first_line("tshark", "--version"))
        model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
        return [f"{', '.join(versions)}; {os.cpu_count()} cores ({model}); {self.options.runs} runs, medians; "
                f"scale {self.options.scale}."]


def write(path, name, lines):
    """Replaces what stands between the marks of this name."""
    text = Path(path).read_text()
    begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
    head, _, rest = text.partition(begin)
    _, mark, tail = rest.partition(end)
    if not mark:
        sys.exit(f"{path}: no marks for {name}")
    Path(path).write_text(head + begin + "\n".join(lines) + "\n" + end + tail)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=1.0, help="size of the inputs; 1 is what the targets are about")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--dir", default="/tmp/wireloupe-perf", help="where the inputs are kept")
    parser.add_argument("--program", help="a wireloupe to measure instead of building one")
    parser.add_argument("--generator", help="a generator to use instead of building one")
    parser.add_argument("--floor", help="the bare loop")
    parser.add_argument("--no-tshark", dest="tshark", action="store_false")
    parser.add_argument("--sections", default="versions,targets,growth,hostile")
    parser.add_argument("--write", help="the Markdown file whose tables are replaced")
    options = parser.parse_args()
    bench = Bench(options)
    for name in options.sections.split(","):
        lines = getattr(bench, name)()
        print(f"\n{name}\n" + "\n".join(lines), flush=True)
        if options.write:
            write(options.write, name, lines)


main()
