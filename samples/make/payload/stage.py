"""What the capture scripts of payload protocols share: their programs, and what the programs' own libraries say of each packet.

Beside the capture and the endpoints' messages each sample leaves `NAME.protocol.ndjson`: one JSON object a unit of the protocol, in
order by connection and side, as the library that made the unit described it (a packet event, an encoder's argument, a debug
log). Nothing in it is decoded from bytes here. Keys: `connection`, `from`, `protocol`, `fields`, and `protocols` where encodings nest.
"""

import ctypes
import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import lab

HOME = lab.LAB / "payload"
NODE_MODULES = HOME / "node/node_modules"
lab.PYTHON = HOME / "venv/bin/python"


def enter():
    """Install what is missing and restart under this folder's Python; see `lab.enter`."""
    if not os.environ.get("WIRELOUPE_LAB_READY"):
        subprocess.run([HERE / "setup"], check=True)
    lab.enter()
    os.environ["NODE_PATH"] = str(NODE_MODULES)
    if os.environ.get("WIRELOUPE_SAMPLE"):
        # Programs put the machine's name into what they send: a name of the sample's own (CLONE_NEWUTS).
        ctypes.CDLL(None).unshare(0x04000000)
        socket.sethostname("lab")


class Stage(lab.Sample):
    """A sample with the log of its protocol."""

    def __init__(self, function, file, shows, programs, **options):
        super().__init__(function, file, shows, programs, **options)
        self.units = []

    def unit(self, connection, side, protocol, protocols=None, **fields):
        """One unit of the protocol, as the library that sent it (or, where that one is silent, received it) describes it; of encodings
        inside each other also the stack."""
        stack = {"protocols": protocols} if protocols else {}
        self.units.append({"connection": connection, "from": side, "protocol": protocol, **stack, "fields": fields})

    def take(self, text):
        """Take in what a program printed: messages of `watch_ws.cjs`, units of `said.cjs`; other lines are its own talk."""
        self.log.take("\n".join(line for line in text.split("\n") if line.startswith('{"observer"')))
        for line in text.split("\n"):
            if line.startswith('{"connection"'):
                self.units.append(json.loads(line))

    def node(self, script, *arguments, environment=None, timeout=30):
        """Run a Node program of this folder to its end, its `ws` sockets watched, and take its logs in."""
        self.program(self.node_command(script, *arguments), environment=environment, timeout=timeout)

    def program(self, command, environment=None, timeout=30):
        """Run a program to its end and take in what it printed; a failure shows its last words."""
        output, errors = self.work / "stdout", self.work / "stderr"
        with output.open("w") as out, errors.open("w") as err:
            try:
                code = subprocess.run(command, stdout=out, stderr=err, timeout=timeout, env=dict(os.environ, **(environment or {}))).returncode
            except subprocess.TimeoutExpired:
                code = "a timeout"
        if code:
            sys.exit(f"{self.name}: {command} ended with {code}\n{output.read_text()[-3000:]}\n{errors.read_text()[-3000:]}")
        self.take(output.read_text())

    def node_command(self, script, *arguments):
        watch = ["--require", str(HERE.parent / "endpoints/watch_ws.cjs"), "--require", str(HERE / "watch_driver.cjs")]
        return ["node", *watch, str(HERE / script), *map(str, arguments)]

    def finish(self):
        lines = self.log.view(None, self)
        write(self.folder / f"{self.name}.endpoints.ndjson", lines)
        order = sorted(self.units, key=lambda unit: (unit["connection"], unit["from"]))
        if order:
            write(self.folder / f"{self.name}.protocol.ndjson", order)
        size = self.path(None).stat().st_size
        print(f"  {size} bytes, {len(lines)} messages, {len(order)} units")
        lab.write_expectation(self.folder / f"{self.name}.expect.json", self, None)
        lab.readme_row(self.file, self)


def write(path, lines):
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))


def version(program):
    """A program's name and version: an npm package, a Debian package (`NAME=deb:PACKAGE`), one that setup built (`NAME=built:PROGRAM`) or a Python package (`NAME=ENVIRONMENT:`)."""
    name, _, package = program.partition("=")
    manifest = NODE_MODULES / (package or name) / "package.json"
    if manifest.exists():
        found = json.loads(manifest.read_text())["version"]
        return f"{name} {found}"
    if package.startswith("deb:"):
        done = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", package[4:]], text=True, capture_output=True)
        return f"{name} {done.stdout.split(':')[-1].split('-')[0].split('+')[0]}"
    if package.startswith("built:"):
        done = subprocess.run([HOME / f"{name}/build/{package[6:]}", "--version"], text=True, capture_output=True)
        return f"{name} {re.search(r'[0-9.]+', done.stdout)[0].rstrip('.')}"
    if package.endswith(":"):
        listed = HOME / f"{package[:-1]}/bin/pip"
        done = subprocess.run([listed, "show", name], text=True, capture_output=True)
        return f"{name} {re.search(r'Version: (.+)', done.stdout)[1]}"
    return known(program)


known, lab.version, lab.Sample = lab.version, version, Stage
sample = lab.sample


def main():
    lab.main("payload")
