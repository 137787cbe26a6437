#!/usr/bin/env python3
"""How quickly the terminal interface opens and answers keys: the real program in a pseudo-terminal.

Opening is from starting the program to the first whole screen with frames on it. A key's answer is from writing the key
to the moment the screen shows what it asks for. Keys are pressed while the file loads and afterwards. Memory is the
program's resident set when everything is read, and once more without the index (`read` of the same file).

    cargo build --release --bin wireloupe
    cargo run --release --example generate -- small 100MB /tmp/small.pcap
    benches/terminal.py /tmp/small.pcap
"""

import argparse
import fcntl
import os
import pty
import re
import select
import statistics
import struct
import subprocess
import sys
import termios
import time

ROWS, COLUMNS = 40, 120
CSI = re.compile(rb"\x1b\[([?>]?)([0-9;]*)([A-Za-z])|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[=>78]")
# What is pressed, and what the screen then shows; in turn, so that each changes it.
KEYS = [
    ("m", "Messages of connection"), ("m", "Frames of connection"), ("?", "Keys .Esc closes"), ("q", "Frames of connection"),
    ("b", "Bits of frame"), ("q", "Frames of connection"), ("f", "Conversation of connection"), ("q", "Frames of connection"),
    ("a", "Frames of all connections"), ("a", "Frames of connection"), ("p", "Packets of connection"), ("p", "Frames of connection"),
    ("H", "Handshake of connection"), ("q", "Frames of connection"),
]


class Screen:
    """As much of a terminal as the program writes to: text at positions."""

    def __init__(self):
        self.cells = [[" "] * COLUMNS for _ in range(ROWS)]
        self.row = self.column = 0
        self.left = b""

    def feed(self, data):
        data, self.left = self.left + data, b""
        at = 0
        while at < len(data):
            if data[at] == 0x1B:
                match = CSI.match(data, at)
                if match is None:
                    self.left = data[at:]
                    return
                at = match.end()
                if match[3] == b"H" and not match[1]:
                    place = [int(number or 1) for number in match[2].split(b";")] if match[2] else [1, 1]
                    self.row, self.column = place[0] - 1, place[1] - 1
                elif match[3] == b"J":
                    self.cells = [[" "] * COLUMNS for _ in range(ROWS)]
                continue
            end = data.find(b"\x1b", at)
            end = len(data) if end < 0 else end
            if end == len(data):
                # A character may go on in what comes next.
                whole = end - next((n for n in (1, 2, 3) if end - at >= n and data[end - n] >= 0xC0), 0)
                if whole < end:
                    try:
                        data[whole:end].decode()
                    except UnicodeDecodeError:
                        self.left, end = data[whole:], whole
                        data = data[:whole]
            for char in data[at:end].decode(errors="replace"):
                if self.row < ROWS and self.column < COLUMNS:
                    self.cells[self.row][self.column] = char
                self.column += 1
            at = end

    def has(self, text):
        return any(re.search(text, "".join(row)) for row in self.cells)


class Session:
    def __init__(self, command):
        self.start = time.perf_counter()
        self.process, self.terminal = pty.fork()
        if self.process == 0:
            os.environ["TERM"] = "xterm-256color"
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
            os.execvp(command[0], command)
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        self.screen = Screen()

    def wait(self, text, seconds=60):
        """Seconds since the session began until a line of the screen has the pattern."""
        end = time.perf_counter() + seconds
        while not self.screen.has(text):
            ready, _, _ = select.select([self.terminal], [], [], max(0, end - time.perf_counter()))
            if not ready:
                sys.exit(f"no {text!r} on:\n" + "\n".join("".join(row) for row in self.screen.cells))
            try:
                self.screen.feed(os.read(self.terminal, 1 << 16))
            except OSError:
                sys.exit(f"the program ended before {text!r}:\n" + "\n".join("".join(row) for row in self.screen.cells))
        return time.perf_counter() - self.start

    def press(self, key, text):
        before = time.perf_counter()
        os.write(self.terminal, key.encode())
        self.wait(text)
        return time.perf_counter() - before

    def is_loading(self):
        return self.screen.has("░")

    def resident(self):
        with open(f"/proc/{self.process}/status") as status:
            return int(re.search(r"VmRSS:\s+(\d+)", status.read())[1]) / 1024

    def close(self):
        os.write(self.terminal, b"qq")
        try:
            while os.read(self.terminal, 1 << 16):
                pass
        except OSError:
            pass  # the other end is closed
        os.waitpid(self.process, 0)
        os.close(self.terminal)


def told(name, times):
    if len(times) < 2:
        return f"{name}: too few keys to say"
    ms = sorted(1000 * t for t in times)
    at = lambda part: ms[min(len(ms) - 1, int(part * len(ms)))]
    return f"{name}: {len(ms)} keys, median {statistics.median(ms):.1f} ms, 99 % {at(0.99):.1f} ms, longest {ms[-1]:.1f} ms"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("capture")
    parser.add_argument("--program", default="target/release/wireloupe")
    parser.add_argument("--keys", type=int, default=280, help="keys pressed when everything is read")
    parser.add_argument("--opens", type=int, default=5)
    arguments = parser.parse_args()
    opened, loading, keys_while = [], [], []
    for _ in range(arguments.opens):
        session = Session([arguments.program, arguments.capture])
        opened.append(session.wait("Frames of connection 1: [1-9]"))
        while session.is_loading():
            for key, text in KEYS:
                was_loading = session.is_loading()
                took = session.press(key, text)
                if was_loading:
                    keys_while.append(took)
        loading.append(session.wait("findings") if not session.is_loading() else 0)
        session.close()
    session = Session([arguments.program, arguments.capture])
    session.wait("Frames of connection 1: [1-9]")
    while session.is_loading():
        for key, text in KEYS:
            session.press(key, text)
    keys_after = [session.press(*KEYS[turn % len(KEYS)]) for turn in range(arguments.keys)]
    resident = session.resident()
    session.close()
    frames = subprocess.run([arguments.program, "read", "--format", "tsv", "-e", "frame.number", arguments.capture],
                            capture_output=True, check=True).stdout.count(b"\n")
    print(f"opened: median {1000 * statistics.median(opened):.0f} ms, longest {1000 * max(opened):.0f} ms")
    print(f"loaded: median {statistics.median(loading):.2f} s, with keys pressed meanwhile")
    print(told("while loading", keys_while))
    print(told("afterwards", keys_after))
    print(f"resident: {resident:.0f} MB, {frames} frames, {resident * (1 << 20) / max(frames, 1):.0f} bytes a frame in all")


if __name__ == "__main__":
    main()
