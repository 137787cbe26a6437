#!/usr/bin/env python3
"""Make the README's pictures: run the real program in tmux, press keys, and draw what the terminal shows as SVG.

    cargo build --release && docs/screenshots/make.py           # all of them, beside this script
    docs/screenshots/make.py --program target/debug/wireloupe diagnosis ruler

Needs tmux. A picture is taken when the screen shows the text that it waits for, so nothing depends on how fast a
machine is.
"""

import argparse
import html
import re
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
WIDTH, HEIGHT = 100, 30

# Name, capture, and in turn: a text to wait for, and the keys pressed then. The last text makes the picture.
SHOTS = {
    "diagnosis": ("failures/accept-wrong.pcapng", ["Diagnosis: 1 of 1"]),
    "panes": (
        "deflate/ws-plain.pcap",
        ["Frames of connection 1: 9", "Tab Down Right", "Opcode", "Down " * 8, "Masking key"],
    ),
    "ruler": ("deflate/ws-plain.pcap", ["Frames of connection 1: 9", "b", "Bits of frame 1"]),
    "follow": ("deflate/ws-deflate-fragments.pcapng", ["Frames of connection 1", "f", "Conversation of connection 1", "Down Down", "message 3 of"]),
    "handshake": ("deflate/ws-plain.pcap", ["Frames of connection 1: 9", "H", "The accept key"]),
    "packets": ("failures/syn-unanswered.pcapng", ["Diagnosis: 1 of 1", "Enter", "Packets of an attempt"]),
}

BASIC = ["#000000", "#cd3131", "#0dbc79", "#e5e510", "#6c9ef8", "#d670d6", "#29b8db", "#e5e5e5"]
BRIGHT = ["#7f848e", "#f14c4c", "#23d18b", "#f5f543", "#8ab4f8", "#e38be3", "#4dd0f0", "#ffffff"]
FOREGROUND, BACKGROUND = "#d4d4d4", "#1b1d23"
CELL, LINE, SIZE = 8.4, 17, 14


def tmux(*arguments):
    return subprocess.run(["tmux", "-L", "screenshots", *arguments], check=True, capture_output=True, text=True).stdout


def screen(*flags):
    return tmux("capture-pane", "-t", "shot", "-p", *flags)


def wait_for(text, seconds=30):
    end = time.monotonic() + seconds
    while text not in screen():
        if time.monotonic() > end:
            sys.exit(f"no {text!r} on:\n{screen()}")
        time.sleep(0.05)


def shoot(program, capture, steps):
    """What the terminal shows after the steps, with its colours."""
    tmux("new-session", "-d", "-s", "shot", "-x", str(WIDTH), "-y", str(HEIGHT), "-c", str(ROOT),
         f"TERM=tmux-256color COLORTERM=truecolor NO_COLOR= {program} samples/{capture}")
    try:
        wait_for(steps[0])
        for keys, text in zip(steps[1::2], steps[2::2]):
            for key in keys.split():
                tmux("send-keys", "-t", "shot", key)
            wait_for(text)
        # Keys that change nothing on the way are over when two looks agree.
        before = None
        while before != (before := screen("-e")):
            time.sleep(0.2)
        return before
    finally:
        tmux("kill-session", "-t", "shot")


def colour(codes, at):
    """The colour that begins at a code 38 or 48, and the place behind it."""
    if codes[at + 1] == 2:
        return "#%02x%02x%02x" % tuple(codes[at + 2 : at + 5]), at + 5
    number = codes[at + 2]
    if number < 16:
        return (BASIC + BRIGHT)[number], at + 3
    if number >= 232:
        return "#%02x%02x%02x" % ((8 + (number - 232) * 10,) * 3), at + 3
    levels = [0, 95, 135, 175, 215, 255]
    number -= 16
    return "#%02x%02x%02x" % (levels[number // 36], levels[number // 6 % 6], levels[number % 6]), at + 3


class Style:
    def __init__(self):
        self.fg = self.bg = None
        self.bold = self.underline = self.reverse = False

    def apply(self, codes):
        at = 0
        while at < len(codes):
            code = codes[at]
            at += 1
            if code == 0:
                self.__init__()
            elif code in (1, 22):
                self.bold = code == 1
            elif code in (4, 24):
                self.underline = code == 4
            elif code in (7, 27):
                self.reverse = code == 7
            elif code == 38:
                self.fg, at = colour(codes, at - 1)
            elif code == 48:
                self.bg, at = colour(codes, at - 1)
            elif code == 39:
                self.fg = None
            elif code == 49:
                self.bg = None
            elif 30 <= code <= 37:
                self.fg = BASIC[code - 30]
            elif 90 <= code <= 97:
                self.fg = BRIGHT[code - 90]
            elif 40 <= code <= 47:
                self.bg = BASIC[code - 40]
            elif 100 <= code <= 107:
                self.bg = BRIGHT[code - 100]

    def colours(self):
        fg, bg = self.fg or FOREGROUND, self.bg
        return (bg or BACKGROUND, fg) if self.reverse else (fg, bg)


def runs(line, style):
    """The runs of one style in a line: column, text, style."""
    column = 0
    for part in re.split(r"(\x1b\[[0-9;]*m)", line):
        if match := re.fullmatch(r"\x1b\[([0-9;]*)m", part):
            style.apply([int(code or 0) for code in match[1].split(";")])
        elif part:
            yield column, part, style
            column += len(part)


def svg(text):
    """The screen as a picture. Wide characters are none in the samples shown."""
    width, height = WIDTH * CELL + 16, HEIGHT * LINE + 16
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height}" viewBox="0 0 {width:.0f} {height}"'
        f' font-family="ui-monospace,Menlo,Consolas,DejaVu Sans Mono,monospace" font-size="{SIZE}">',
        f'<rect width="100%" height="100%" rx="6" fill="{BACKGROUND}"/>',
    ]
    style = Style()
    for row, line in enumerate(text.split("\n")[:HEIGHT]):
        y = 8 + row * LINE
        for column, part, style in runs(line, style):
            fg, bg = style.colours()
            x, wide = 8 + column * CELL, len(part) * CELL
            if bg:
                out.append(f'<rect x="{x:.1f}" y="{y}" width="{wide:.1f}" height="{LINE}" fill="{bg}"/>')
            if not part.strip():
                continue
            marks = ' font-weight="bold"' if style.bold else ""
            marks += ' text-decoration="underline"' if style.underline else ""
            out.append(
                f'<text x="{x:.1f}" y="{y + 13}" fill="{fg}"{marks} textLength="{wide:.1f}" xml:space="preserve">'
                f"{html.escape(part, quote=False)}</text>"
            )
    out.append("</svg>\n")
    return "\n".join(out)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default="target/release/wireloupe")
    parser.add_argument("names", nargs="*", choices=[*SHOTS, []], help="which; all when none is named")
    arguments = parser.parse_args()
    for name in arguments.names or SHOTS:
        capture, steps = SHOTS[name]
        path = HERE / f"{name}.svg"
        path.write_text(svg(shoot(arguments.program, capture, steps)))
        print(f"{path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
