"""The page in a real Chromium, from file://: what it shows is what the program prints, and it asks nobody for anything."""

import json
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import traceback

from playwright.sync_api import sync_playwright

ROOT = pathlib.Path(__file__).parent.parent
PAGE = ROOT / "target/web/page.html"
PROGRAM = ROOT / "target/debug/wireloupe"
SAMPLES = ROOT / "samples"
TESTS = []


def test(function):
    TESTS.append(function)
    return function


class Visit:
    """A page that was opened, with everything it asked for and complained of."""

    def __init__(self, browser, fragment="", file=PAGE):
        self.context = browser.new_context(accept_downloads=True)
        self.page = self.context.new_page()
        self.requests, self.errors = [], []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda said: said.type == "error" and self.errors.append(said.text))
        self.page.on("dialog", lambda dialog: self.errors.append(f"dialog {dialog.message}") or dialog.dismiss())
        self.page.goto(file.as_uri() + fragment)

    def open(self, *files):
        self.page.set_input_files("#file", [str(file) for file in files])
        self.read()

    def read(self):
        self.wait("document.body.dataset.read !== undefined")

    def wait(self, expression, seconds=20):
        """Until it holds. Playwright's own waiting evaluates text inside the page, which the page's policy forbids."""
        until = time.monotonic() + seconds
        while not self.page.evaluate(expression):
            assert time.monotonic() < until, f"{expression} does not come true: {self.page.inner_text('#status')} {self.errors}"
            self.page.wait_for_timeout(30)

    def press(self, key):
        self.page.keyboard.press(key)

    def view(self, name):
        self.page.click(f"#tab-{name}")
        self.page.wait_for_selector(f"#tab-{name}[aria-selected=true]")

    def printed(self, label):
        self.view("export")
        with self.page.expect_download() as download:
            self.page.get_by_role("button", name=label, exact=True).click()
        return pathlib.Path(download.value.path()).read_bytes()

    def close(self):
        outside = [url for url in self.requests if not url.startswith(("file:", "blob:"))]
        assert not outside, f"it asked for {outside}"
        assert not self.errors, self.errors
        self.context.close()


def program(*arguments):
    return subprocess.run([PROGRAM, *arguments], capture_output=True, check=True).stdout


@test
def the_lab_has_its_two_frames_and_their_bits(browser):
    visit = Visit(browser)
    visit.page.select_option("#samples", index=1)
    visit.read()
    title = visit.page.inner_text("#view h2")
    assert title == "1 of 1 attempt failed", title
    assert "closed-without-close-frame" in visit.page.inner_text("#view")
    visit.view("frames")
    visit.page.wait_for_selector("#rows .row:nth-child(3)")
    rows = visit.page.locator("#rows .row[id]").all_inner_texts()
    assert len(rows) == 2 and all("Hello" in row for row in rows), rows
    opcode = visit.page.locator("[role=treeitem]", has_text="Opcode: 1 (text)").first
    opcode.hover()
    lit = visit.page.locator("#hex span.lit").all_inner_texts()
    assert lit == ["81", "."], lit
    # And back: a byte leads to its field.
    visit.page.locator('#hex span[data-at="68"]').first.hover()
    lit = visit.page.inner_text("[role=treeitem].lit")
    assert "Masking key" in lit, lit
    visit.view("ruler")
    cells = visit.page.locator(".ruler td").all_inner_texts()
    assert cells[0].startswith("FIN") and any("0001" in cell for cell in cells), cells
    masked = visit.page.locator("table", has_text="plain").last.inner_text()
    assert "48 01001000" in masked, masked
    visit.close()


@test
def what_fails_comes_first_with_its_fix(browser):
    visit = Visit(browser)
    visit.open(SAMPLES / "failures/accept-wrong.pcapng")
    text = visit.page.inner_text("#view")
    assert "1 of 1 attempt failed" in text and "accept-mismatch" in text and "Fix" in text
    visit.view("ladder")
    assert "101 Switching Protocols" in visit.page.text_content("#view svg")
    visit.view("findings")
    assert "accept-mismatch" in visit.page.inner_text("#view")
    visit.close()


@test
def ndjson_is_what_the_program_prints(browser):
    names = ["lab-hello.pcap", "failures/masked-server.pcapng", "deflate/ws-deflate-fragments.pcapng", "failures/lifetime-limit.pcapng", "failures/accept-wrong.pcapng"]
    names += [str(path.relative_to(SAMPLES)) for path in sorted(SAMPLES.rglob("*.pcap*"))[::25]]
    for name in names:
        keys = SAMPLES / (name.split(".")[0] + ".keys")
        beside = [keys] if keys.exists() else []
        visit = Visit(browser)
        visit.open(SAMPLES / name, *beside)
        arguments = [argument for key in beside for argument in ["--keylog", key]]
        expected = subprocess.run([PROGRAM, "read", "--threads", "1", "--format", "ndjson", "--show", "all", *arguments, SAMPLES / name], capture_output=True).stdout
        shown = visit.printed("all as NDJSON")
        def lines(text):
            parsed = [json.loads(line) for line in text.splitlines()]
            for one in parsed:
                # A browser says a file's name, not where it lies.
                one.pop("files", None)
                one.pop("truncated", None)
            return parsed
        assert lines(shown) == lines(expected), name
        visit.close()


@test
def a_filter_keeps_rows_and_says_where_it_is_wrong(browser):
    visit = Visit(browser)
    visit.open(SAMPLES / "failures/masked-server.pcapng")
    visit.view("frames")
    visit.page.fill("#filter", "websocket.opcode == clos")
    visit.page.wait_for_selector("#filter[aria-invalid=true]")
    assert visit.page.inner_text("#filter-error mark") == "clos"
    assert visit.page.locator("#completions li").count() > 0
    visit.page.fill("#filter", "websocket.opcode == close")
    visit.press("Escape")
    visit.page.focus("#filter")
    visit.press("Enter")
    visit.wait("document.querySelectorAll('#rows .row[id]').length === 1")
    assert "1002" in visit.page.inner_text("#rows .row[id]")
    visit.close()


@test
def a_link_leads_to_the_row_and_the_field(browser):
    visit = Visit(browser)
    visit.open(SAMPLES / "lab-hello.pcap")
    visit.view("frames")
    visit.page.wait_for_selector("#rows .row[id]")
    visit.press("Shift+G")
    visit.page.locator("[role=treeitem]", has_text="MASK").first.click()
    visit.wait("document.querySelector('[role=treeitem][aria-selected=true]')?.textContent.includes('MASK')")
    fragment = visit.page.evaluate("location.hash")
    visit.close()
    again = Visit(browser, fragment)
    again.open(SAMPLES / "lab-hello.pcap")
    again.page.wait_for_selector("[role=treeitem][aria-selected=true]")
    again.wait("document.querySelector('[role=treeitem][aria-selected=true]')?.textContent.includes('MASK')")
    assert again.page.get_attribute("#list", "aria-activedescendant") == "row-f1"
    again.close()


def hostile(path):
    """A capture whose every text is markup, long or bidirectional."""
    what = "<img src=x onerror=alert(1)><script>alert(2)</script>\u202e\u0007\"'</textarea>".encode()

    def packet(source, destination, sequence, flags, data):
        tcp = struct.pack("!HHIIBBHHH", source, destination, sequence, 1, 0x50, flags, 65535, 0, 0) + data
        return b"\0" * 12 + b"\x08\0" + struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0, bytes([10, 0, 0, 1]), bytes([10, 0, 0, 2])) + tcp

    head = b"GET /" + what.replace(b" ", b"%20") + b" HTTP/1.1\r\nHost: " + what + b"\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    answer = b"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nServer: " + what + b"\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
    frames = b"".join(b"\x81\x7e" + struct.pack("!H", len(what)) + what for _ in range(3))
    line = b"<" * 10_000_000
    frames += b"\x81\x7f" + struct.pack("!Q", len(line)) + line
    packets = [packet(40000, 80, 0, 2, b""), packet(80, 40000, 0, 18, b""), packet(40000, 80, 1, 24, head), packet(80, 40000, 1, 24, answer)]
    at = 1 + len(answer)
    for start in range(0, len(frames), 60_000):
        piece = frames[start : start + 60_000]
        packets.append(packet(80, 40000, at, 24, piece))
        at += len(piece)
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1))
        for number, data in enumerate(packets):
            file.write(struct.pack("<IIII", 1, number, len(data), len(data)) + data)


@test
def a_hostile_capture_stays_text(browser):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "<b>x.pcap"
        hostile(path)
        visit = Visit(browser)
        visit.open(path)
        for view in ["diagnosis", "connections", "frames", "messages", "chat", "ladder", "ruler", "findings", "statistics"]:
            visit.view(view)
            visit.page.wait_for_timeout(150)
            for name in ["img", "b > script", "#main script", "textarea"]:
                assert visit.page.locator(name).count() == 0, (view, name)
            assert "\u202e" not in visit.page.inner_text("body"), view
        visit.view("frames")
        visit.page.wait_for_selector("#rows .row[id]")
        assert "<script>alert(2)" in visit.page.inner_text("#rows")
        visit.close()


@test
def a_large_file_is_read_by_slices_and_can_be_stopped(browser):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "large.pcap"
        # Frames of lab-hello's connection would be one connection; many copies of a busy sample are merged by time instead.
        source = (SAMPLES / "failures/lifetime-limit.pcapng").read_bytes()
        with open(path, "wb") as file:
            for _ in range(100_000_000 // len(source)):
                file.write(source)
        visit = Visit(browser)
        start = time.monotonic()
        visit.page.set_input_files("#file", str(path))
        visit.wait("document.getElementById('counts').textContent !== ''")
        first = time.monotonic() - start
        visit.page.click("#cancel")
        visit.read()
        assert "0 packets" not in visit.page.inner_text("#counts").split(",")[0].split()
        print(f"   (first figures of {path.stat().st_size >> 20} MiB after {first * 1000:.0f} ms)")
        visit.close()


@test
def axe_finds_nothing(browser):
    import axe_core_python

    axe = (pathlib.Path(axe_core_python.__file__).parent / "axe.min.js").read_text()
    for scheme in ["light", "dark"]:
        visit = Visit(browser)
        visit.page.emulate_media(color_scheme=scheme)
        visit.open(SAMPLES / "failures/masked-server.pcapng")
        for view in ["diagnosis", "connections", "frames", "messages", "chat", "ladder", "ruler", "findings", "statistics", "export"]:
            visit.view(view)
            visit.page.wait_for_timeout(200)
            # The policy lets no script in; a debugger's evaluation is none.
            visit.page.evaluate(axe)
            found = visit.page.evaluate("axe.run().then(result => result.violations.map(one => [one.id, one.nodes.map(node => node.html).slice(0, 3)]))")
            assert not found, (scheme, view, found)
        visit.close()


def main():
    wanted = sys.argv[1:]
    browser_path = shutil.which("chromium") or shutil.which("google-chrome") or os.environ.get("CHROMIUM")
    failed = 0
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox", "--disable-gpu"])
        for one in TESTS:
            if wanted and not any(part in one.__name__ for part in wanted):
                continue
            start = time.monotonic()
            try:
                one(browser)
                print(f"ok   {one.__name__} ({time.monotonic() - start:.1f} s)", flush=True)
            except Exception as why:  # noqa: BLE001: whatever a test throws, the others go on
                failed += 1
                where = traceback.extract_tb(why.__traceback__)
                lines = [frame.lineno for frame in where if frame.filename == __file__]
                print(f"FAIL {one.__name__}, lines {lines}: {why}", flush=True)
        browser.close()
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
