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
PROGRAM = pathlib.Path(os.environ.get("WIRELOUPE") or ROOT / "target/debug/wireloupe")
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
    assert title == "1 attempt, none failed, 1 with a warning", title
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


def packet(source, destination, sequence, flags, data=b"", client=1):
    """A TCP segment between two ports; the lower one is the server's."""
    ends = [bytes([10, 0, 0, client]), bytes([10, 0, 0, 2])]
    if source < destination:
        ends.reverse()
    tcp = struct.pack("!HHIIBBHHH", source, destination, sequence, 1, 0x50, flags, 65535, 0, 0) + data
    return b"\0" * 12 + b"\x08\0" + struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0) + b"".join(ends) + tcp


def write(path, packets):
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1))
        for number, data in enumerate(packets):
            file.write(struct.pack("<IIII", 1 + number // 1_000_000, number % 1_000_000, len(data), len(data)) + data)


REQUEST = b"GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
ANSWER = b"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"


def opened(port, answer=ANSWER):
    return [packet(port, 80, 0, 2), packet(80, port, 0, 18), packet(port, 80, 1, 24, REQUEST), packet(80, port, 1, 24, answer)]


def many_connections(path, count):
    """Every second one is refused; the others say a word that is masked where it may not be."""
    packets = []
    for port in range(10_000, 10_000 + count):
        if port % 2:
            packets += opened(port, b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
        else:
            packets += [*opened(port), packet(80, port, 1 + len(ANSWER), 24, b"\x81\x82\0\0\0\0hi")]
    write(path, packets)


def many_messages(path, count):
    packets, at = opened(40_000), 1 + len(ANSWER)
    for number in range(count):
        text = f"message {number}".encode() + b" and more" * (number % 40)
        frame = bytes([0x81, len(text)]) if len(text) < 126 else b"\x81\x7e" + struct.pack("!H", len(text))
        packets.append(packet(80, 40_000, at, 24, frame + text))
        at += len(frame + text)
    write(path, packets)


def hostile(path):
    """A capture whose every text is markup, long or bidirectional."""
    what = "<img src=x onerror=alert(1)><script>alert(2)</script>\u202e\u0007\"'</textarea>".encode()
    head = b"GET /" + what.replace(b" ", b"%20") + b" HTTP/1.1\r\nHost: " + what + REQUEST[REQUEST.index(b"\r\nUpgrade"):]
    answer = ANSWER[:-4] + b"\r\nServer: " + what + b"\r\n\r\n"
    frames = b"".join(b"\x81\x7e" + struct.pack("!H", len(what)) + what for _ in range(3))
    line = b"<" * 10_000_000
    frames += b"\x81\x7f" + struct.pack("!Q", len(line)) + line
    packets = [packet(40000, 80, 0, 2), packet(80, 40000, 0, 18), packet(40000, 80, 1, 24, head), packet(80, 40000, 1, 24, answer)]
    at = 1 + len(answer)
    for start in range(0, len(frames), 60_000):
        piece = frames[start : start + 60_000]
        packets.append(packet(80, 40000, at, 24, piece))
        at += len(piece)
    write(path, packets)


@test
def a_hostile_capture_stays_text(browser):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "<b>x.pcap"
        hostile(path)
        visit = Visit(browser)
        visit.open(path)
        for view in ["diagnosis", "connections", "frames", "messages", "chat", "ladder", "graph", "compare", "ruler", "findings", "statistics", "explain", "labs", "export"]:
            visit.view(view)
            visit.page.wait_for_timeout(150)
            for name in ["img", "b > script", "#main script", "textarea:not(#typed)"]:
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
def lists_have_all_rows_and_only_those_in_sight_are_there(browser):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "many.pcap"
        many_connections(path, 3000)
        visit = Visit(browser)
        visit.open(path)
        counts = dict((word, int(number)) for number, word in (part.split() for part in visit.page.inner_text("#counts").split(", ")))
        assert counts["connections"] == 3000 and counts["frames"] == 1500 and counts["findings"] >= 1500, counts
        for view, last in [("connections", "3000"), ("frames", ""), ("findings", "")]:
            count = counts[view]
            visit.view(view)
            visit.wait(f"document.getElementById('list').getAttribute('aria-rowcount') === '{count + 1}'")
            visit.page.wait_for_selector("#rows .row[id]")
            visit.page.focus("#list")
            visit.press("End")
            visit.wait(f"document.querySelector('#rows .row:last-child')?.getAttribute('aria-rowindex') === '{count + 1}'")
            assert visit.page.locator("#rows .row").count() < 100
            row = visit.page.locator("#rows .row[aria-selected=true]")
            assert row.get_attribute("aria-rowindex") == str(count + 1), view
            assert last in row.inner_text(), (view, row.inner_text())
        # A connection is entered, and left again.
        visit.view("connections")
        visit.page.wait_for_selector("#rows .row[id]")
        visit.page.focus("#list")
        visit.press("Enter")
        visit.wait("document.getElementById('scope').value === '1'")
        visit.wait("document.getElementById('list').getAttribute('aria-rowcount') === '2'")
        # A filter about connections keeps connections.
        visit.page.fill("#scope", "")
        visit.press("Tab")
        visit.view("connections")
        visit.page.fill("#filter", "http.response.code == 403")
        visit.press("Escape")
        visit.page.focus("#filter")
        visit.press("Enter")
        visit.wait("document.getElementById('list').getAttribute('aria-rowcount') === '1501'")
        visit.view("diagnosis")
        visit.wait("document.querySelector('#view h2')?.textContent === '3000 of 3000 attempts failed'")
        visit.page.eval_on_selector(".feed", "feed => { feed.scrollTop = feed.scrollHeight }")
        visit.wait("(last => last && last.getAttribute('aria-posinset') === last.getAttribute('aria-setsize'))(document.querySelector('.feed article:last-child'))")
        assert visit.page.locator(".feed article").count() < 200
        visit.close()


@test
def a_conversation_is_read_from_end_to_end(browser):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "long.pcap"
        many_messages(path, 5000)
        visit = Visit(browser)
        visit.open(path)
        visit.view("chat")
        visit.wait("document.querySelector('.feed [aria-posinset=\"1\"]')")
        for part, place in [(0.5, None), (1, 5000), (0, 1)]:
            visit.page.eval_on_selector(".feed", f"feed => {{ feed.scrollTop = {part} * (feed.scrollHeight - feed.clientHeight) }}")
            if place:
                visit.wait(f"document.querySelector('.feed [aria-posinset=\"{place}\"]')")
            # What is in sight is drawn to its edges.
            visit.wait("(() => { const feed = document.querySelector('.feed').getBoundingClientRect(), all = [...document.querySelectorAll('.feed article')].map(one => one.getBoundingClientRect()); return Math.min(...all.map(one => one.top)) - feed.top <= 12 && feed.bottom - Math.max(...all.map(one => one.bottom)) <= 12 })()")
        visit.page.focus(".feed")
        visit.press("End")
        visit.wait("document.activeElement.getAttribute('aria-posinset') === '5000'")
        assert "message 4999" in visit.page.evaluate("document.activeElement.textContent")
        visit.press("PageUp")
        visit.wait("document.activeElement.getAttribute('aria-posinset') === '4999'")
        visit.close()


@test
def packets_and_archives_are_those_of_the_program(browser):
    for name, keys in [("failures/masked-server.pcapng", None), ("tls/wss-tls13-aes128-gcm.pcapng", "tls/wss-tls13-aes128-gcm.keys"), ("programs/socketio-upgrade.pcapng", None)]:
        files = [SAMPLES / name] + ([SAMPLES / keys] if keys else [])
        arguments = ["--threads", "1"] + (["--keylog", SAMPLES / keys] if keys else [])
        with tempfile.TemporaryDirectory() as folder:
            kept = pathlib.Path(folder) / "kept.pcapng"
            for filter in ["", "websocket.opcode == text"]:
                visit = Visit(browser)
                visit.open(*files)
                visit.page.fill("#filter", filter)
                visit.press("Escape")
                visit.page.focus("#filter")
                visit.press("Enter")
                visit.page.wait_for_timeout(100)
                narrowed = ["-Y", filter] if filter else []
                program("read", *arguments, *narrowed, "-w", kept, "--force", files[0])
                assert visit.printed("packets as pcapng") == kept.read_bytes(), (name, filter)
                archive = program("read", *arguments, *narrowed, "--format", "har", files[0])
                assert visit.printed("HAR, for browsers' developer tools") == archive, (name, filter)
                visit.close()


@test
def what_is_typed_is_explained_as_the_program_does(browser):
    visit = Visit(browser)
    visit.view("explain")
    for text in ["8185cb6e9f8e830bf3e2a4", "dGhlIHNhbXBsZSBub25jZQ==", "1006", "upgrade-not-forwarded", "GET /chat HTTP/1.1\nHost: a\n", "permessage-deflate; client_max_window_bits=10"]:
        visit.page.fill("#typed", text)
        expected = program("explain", text).decode()
        visit.wait(f"document.querySelector('.told')?.textContent.trim() === {json.dumps(expected.strip())}")
    visit.page.fill("#typed", "no such thing at all")
    visit.wait("!document.querySelector('.told')")
    assert visit.page.inner_text("#view [aria-live]")
    fragment = visit.page.evaluate("location.hash")
    visit.close()
    again = Visit(browser, fragment)
    again.wait("document.getElementById('typed')?.value === 'no such thing at all'")
    again.close()


@test
def a_lab_is_done_and_its_answers_stay_covered_until_then(browser):
    visit = Visit(browser)
    visit.view("labs")
    visit.page.fill("#student", "anna")
    visit.page.get_by_role("button", name="Begin Fragments, with a ping between").click()
    visit.wait("document.querySelector('#rows .row[id]')")
    visit.wait("document.querySelector('#lab').innerText.includes('question 1 of')")
    visit.wait("document.querySelector('#tree').innerText.includes('▒▒▒▒')")
    visit.wait("document.querySelector('#rows').innerText.includes('▒▒▒▒')")
    visit.view("ruler")
    visit.wait("document.getElementById('status').textContent.includes('settle the question first')")
    visit.view("frames")
    visit.page.get_by_role("button", name="Hint").click()
    visit.wait("document.querySelector('#lab [role=status]').textContent.startsWith('hint: ')")
    visit.page.fill("#answer", "nonsense")
    visit.page.get_by_role("button", name="Check").click()
    visit.wait("/^(wrong|unclear)/.test(document.querySelector('#lab [role=status]').textContent)")
    visit.page.get_by_role("button", name="Show the answer").click()
    visit.wait("document.querySelector('#lab [role=status]').textContent.startsWith('answer: ')")
    visit.wait("!document.getElementById('tree').textContent.includes('▒')")
    answer = visit.page.inner_text("#lab [role=status]").removeprefix("answer: ")
    assert answer
    with visit.page.expect_download() as download:
        visit.page.get_by_role("button", name="Save the results").click()
    results = pathlib.Path(download.value.path())
    assert download.value.suggested_filename == "fragments-anna.json"
    graded = program("lab", "grade", "--format", "json", results)
    assert json.loads(results.read_text())["seed"] == "anna" and b"anna" in graded
    # The next question is another; the lab can be ended.
    visit.page.get_by_role("button", name="Next").click()
    visit.wait("document.querySelector('#lab h2').textContent.includes('question 2 of')")
    visit.page.get_by_role("button", name="End the lab").click()
    visit.wait("document.getElementById('lab').hidden")
    visit.close()


@test
def a_dropped_key_log_opens_what_is_open(browser):
    visit = Visit(browser)
    drop = """async files => {
        const transfer = new DataTransfer();
        for (const [name, bytes] of files) transfer.items.add(new File([Uint8Array.from(atob(bytes), c => c.charCodeAt(0))], name));
        document.body.dispatchEvent(new DragEvent('dragover', { bubbles: true, cancelable: true, dataTransfer: transfer }));
        document.body.dispatchEvent(new DragEvent('drop', { bubbles: true, cancelable: true, dataTransfer: transfer }));
    }"""
    import base64

    def dropped(name):
        visit.page.evaluate(drop, [[name, base64.b64encode((SAMPLES / "tls" / name).read_bytes()).decode()]])

    dropped("wss-tls13-aes128-gcm.pcapng")
    visit.read()
    status = visit.page.inner_text("#status")
    assert "not decrypted: 1 TLS connection; drop a key log" in status, status
    visit.view("frames")
    assert visit.page.locator("#rows .row[id]").count() == 0
    dropped("wss-tls13-aes128-gcm.keys")
    visit.wait("document.querySelectorAll('#rows .row[id]').length > 0")
    visit.close()


@test
def a_graph_leads_to_what_is_in_a_column(browser):
    visit = Visit(browser)
    visit.open(SAMPLES / "deflate/ws-deflate-fragments.pcapng")
    visit.view("graph")
    visit.wait("document.querySelectorAll('#view svg.graph rect.client, #view svg.graph rect.server').length > 3")
    title = visit.page.inner_text("#view h2")
    assert title.startswith("Graph of all connections: ") and title.endswith(" a column"), title
    visit.press("+")
    visit.wait(f"document.querySelector('#view h2').textContent !== {json.dumps(title)}")
    visit.page.get_by_role("button", name="All of the time").click()
    visit.wait(f"document.querySelector('#view h2').textContent === {json.dumps(title)}")
    # The frames of the columns are all frames, each counted once.
    frames = program("read", "--show", "frames", "--format", "ndjson", SAMPLES / "deflate/ws-deflate-fragments.pcapng").splitlines()
    for _ in range(300):
        if visit.page.get_by_role("button", name="To its first frame").is_enabled():
            break
        visit.page.get_by_role("button", name="Column after").click()
    visit.page.get_by_role("button", name="To its first frame").click()
    visit.wait("document.querySelector('#rows .row[aria-selected=true]')")
    assert visit.page.get_attribute("#tab-frames", "aria-selected") == "true"
    chosen = visit.page.inner_text("#rows .row[aria-selected=true]")
    assert len(frames) > 3 and chosen.split()[0].isdigit(), chosen
    visit.close()


@test
def captures_are_compared_as_the_program_does(browser):
    client, server = (SAMPLES / f"proxies/nginx-idle-timeout.{side}.pcapng" for side in ["client", "server"])
    for open_one, other, side in [(client, server, "client"), (server, client, "server")]:
        visit = Visit(browser)
        visit.open(open_one)
        visit.view("compare")
        visit.page.set_input_files("#other", [str(other)])
        visit.page.select_option("#open-is", side)
        visit.page.get_by_role("button", name="Compare the captures").click()
        visit.wait("document.getElementById('compared')")
        expected = program("compare", client, server).decode()
        assert visit.page.text_content("#compared") == expected
        visit.close()
    visit = Visit(browser)
    visit.open(SAMPLES / "failures/lifetime-limit.pcapng")
    visit.view("compare")
    visit.page.get_by_role("button", name="Compare the connections").click()
    visit.wait("document.getElementById('compared')")
    expected = program("compare", "--attempts", "1,2", SAMPLES / "failures/lifetime-limit.pcapng").decode()
    assert visit.page.text_content("#compared") == expected
    visit.close()


@test
def print_shows_what_failed_on_paper(browser):
    visit = Visit(browser)
    visit.open(SAMPLES / "failures/accept-wrong.pcapng")
    pdf = visit.page.pdf(format="A4")
    assert pdf.startswith(b"%PDF") and len(pdf) > 8000
    visit.page.emulate_media(media="print")
    assert not visit.page.is_visible("#choose") and not visit.page.is_visible("#tab-frames")
    assert visit.page.is_visible("#view h2") and "accept-mismatch" in visit.page.inner_text("#view")
    visit.close()


@test
def axe_finds_nothing(browser):
    import axe_core_python

    axe = (pathlib.Path(axe_core_python.__file__).parent / "axe.min.js").read_text()
    for scheme in ["light", "dark"]:
        visit = Visit(browser)
        visit.page.emulate_media(color_scheme=scheme)
        visit.open(SAMPLES / "failures/masked-server.pcapng")
        for view in ["diagnosis", "connections", "frames", "messages", "chat", "ladder", "ruler", "findings", "statistics", "explain", "labs", "export"]:
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
