// @ts-check
// What is taken away: rows in a format, packets, a report, printed from the files again.

async function taking() {
  const print = async (/** @type {Bag} */ what, /** @type {string} */ name) => {
    say("writing…");
    const { blob } = await ask({ do: "begin-print", ...what, filter: state.filter, connection: state.connection, redact: $("redact").checked });
    save(blob, name);
    say(`${blob.size} bytes saved as ${name}`);
  };
  const rows = (/** @type {string} */ format, /** @type {string[]} */ all) => all.map((show) => button(`${show} as ${format.toUpperCase()}`, () => print({ format, show }, `${show}.${format}`)));
  const report = async (/** @type {string} */ format) => {
    const { text } = await ask({ do: "report", format, redact: $("redact").checked });
    save(new Blob([text], { type: format === "html" ? "text/html" : "text/markdown" }), format === "html" ? "report.html" : "report.md");
  };
  const kept = [state.filter && "what the filter keeps", state.connection !== null && `connection ${state.connection + 1}`].filter(Boolean).join(" of ");
  draw(el("h2", {}, "Take away"), el("p", {}, kept ? `Of rows and packets: ${kept}.` : "Rows and packets of everything."),
    el("p", {}, el("label", {}, el("input", { id: "redact", type: "checkbox" }), " mask credentials and payloads (packets are never masked)")),
    el("h3", {}, "Rows"), el("p", { class: "bar" }, rows("ndjson", ["all", "connections", "frames", "messages", "findings"])), el("p", { class: "bar" }, rows("csv", ["connections", "frames", "messages", "findings"])),
    el("h3", {}, "For other programs"), el("p", { class: "bar" }, button("HAR, for browsers' developer tools", () => print({ format: "har" }, "capture.har")), button("packets as pcapng", () => print({ format: "pcapng" }, "packets.pcapng"))),
    el("h3", {}, "To hand on"), el("p", { class: "bar" }, button("Report as HTML", () => report("html")), button("Report as Markdown", () => report("markdown"))));
}
