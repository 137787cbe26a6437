// @ts-check
// The page: it asks the worker and draws what it is told. No text ever becomes markup: elements are made by name, and what
// the wire said is put into text nodes only.
"use strict";

/** @typedef {Record<string, any>} Bag */

const $ = (/** @type {string} */ id) => /** @type {any} */ (document.getElementById(id));

/** An element with properties and children; strings become text. */
function el(/** @type {string} */ name, /** @type {Bag} */ props = {}, /** @type {any[]} */ ...children) {
  const svg = ["svg", "line", "polygon", "text", "title", "g"].includes(name) && name !== "title";
  const made = svg ? document.createElementNS("http://www.w3.org/2000/svg", name) : document.createElement(name);
  for (const [key, value] of Object.entries(props)) {
    if (value === null || value === undefined || (value === false && !key.startsWith("aria-"))) continue;
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else made.setAttribute(key, value === true && !key.startsWith("aria-") ? "" : String(value));
  }
  made.append(...children.flat(3).filter((child) => child !== null && child !== undefined).map((child) => child instanceof Node ? child : String(child)));
  return /** @type {any} */ (made);
}

// ---- the worker ----

const island = (/** @type {string} */ id) => $(id)?.textContent ?? "";
const decode = (/** @type {string} */ base64) => Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
const worker = new Worker(URL.createObjectURL(new Blob([island("worker")], { type: "text/javascript" })));
/** @type {Map<number, (answer: any) => void>} */
const waiting = new Map();
let asked = 0;
worker.onmessage = ({ data }) => {
  if (data.progress) return progressed(data.progress);
  waiting.get(data.id)?.(data.answer);
  waiting.delete(data.id);
};
/** Asks the core; an answer with `error` is said and thrown. */
function ask(/** @type {Bag} */ request) {
  const id = ++asked;
  worker.postMessage({ id, request });
  return new Promise((resolve, reject) => waiting.set(id, (answer) => {
    if (answer?.error && request.do !== "check") { say(answer.error); reject(new Error(answer.error)); } else resolve(answer);
  }));
}
const started = (async () => {
  const packed = new Blob([decode(island("core"))]).stream().pipeThrough(new DecompressionStream("gzip"));
  await ask({ do: "start", module: await new Response(packed).arrayBuffer() });
})();

const say = (/** @type {string} */ text) => { $("status").textContent = text; };

// ---- state ----

/** @type {Bag} */
const state = { view: "diagnosis", kind: "frames", connection: null, filter: "", at: 0, row: null, field: 0, tab: "packet", packet: null, name: "", over: true };
let about = { len: 0, scanning: false, unfiltered: 0 };
let shownAt = 0;
/** What the fragment asked for when the page opened. */
let wanted = fragment();

function fragment() {
  return Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
}
/** Says in the address where we are, so that a link leads here. */
function remember() {
  const of = new URLSearchParams();
  of.set("file", state.name);
  of.set("view", state.view);
  if (state.connection !== null) of.set("connection", String(state.connection + 1));
  if (state.filter) of.set("filter", state.filter);
  if (state.row && isList()) { of.set("row", state.row); if (state.field) of.set("field", String(state.field)); if (state.tab !== "packet") of.set("bytes", state.tab); }
  history.replaceState(null, "", `#${of}`);
}

// ---- opening ----

/** Opens files: captures, and key logs among them. */
async function open(/** @type {Blob[]} */ all, /** @type {string[]} */ names) {
  await started;
  const keys = [], files = [], fileNames = [];
  for (const [at, file] of all.entries()) {
    const head = await file.slice(0, 64).text();
    if (/^(#|CLIENT_|SERVER_|RSA )/.test(head) && file.size < 64e6) keys.push(await file.text());
    else { files.push(file); fileNames.push(names[at]); }
  }
  if (!files.length && lastFiles) { files.push(...lastFiles.files); fileNames.push(...lastFiles.names); }
  if (!files.length) return say("that is a key log: drop the capture with it");
  lastFiles = { files, names: fileNames };
  say("");
  delete document.body.dataset.read;
  Object.assign(state, { row: null, at: 0, connection: null, filter: "", field: 0, packet: null, over: false });
  $("filter").value = "";
  const opened = await ask({ do: "open", files, names: fileNames, keys: keys.join("\n") || null });
  state.name = opened.name;
  $("name").textContent = fileNames.join(", ");
  document.title = `${fileNames.join(", ")} – Wireloupe`;
  $("welcome").hidden = true;
  for (const id of ["progress", "cancel", "filterbar"]) $(id).hidden = false;
  show(wanted.view ?? "diagnosis");
}
/** @type {{files: Blob[], names: string[]} | null} */
let lastFiles = null;

function progressed(/** @type {Bag} */ now) {
  $("progress").value = now.total ? now.read / now.total : 0;
  $("counts").textContent = `${now.packets} packets, ${now.connections} connections, ${now.frames} frames, ${now.messages} messages, ${now.findings} findings`;
  const ended = now.over && !state.over;
  state.over = now.over;
  if (now.over) {
    $("progress").hidden = $("cancel").hidden = true;
    const tls = now.tls.connections > now.tls.decrypted ? [`${now.tls.connections - now.tls.decrypted} TLS connections are not decrypted: drop a key log`] : [];
    say(["Everything is read", ...now.notes, ...tls].join("; "));
  }
  if (ended) arrived();
  else if (isList() && !state.filter && performance.now() - shownAt > 300) refresh();
}
/** All is there: go where the fragment pointed. */
async function arrived() {
  const to = wanted;
  wanted = {};
  await scopes();
  if (to.file && to.file !== state.name) say("the link was made for another capture");
  if (to.connection) state.connection = Number(to.connection) - 1;
  if (to.filter) $("filter").value = state.filter = to.filter;
  if (to.bytes) state.tab = to.bytes;
  $("scope").value = state.connection === null ? "" : String(state.connection);
  await show(to.view ?? state.view);
  if (to.row) { await reveal(to.row); if (to.field) await pick(Number(to.field)); }
  document.body.dataset.read = state.name;
}
async function scopes() {
  const all = await ask({ do: "connections", from: 0, count: 500 });
  $("scope").replaceChildren(el("option", { value: "" }, "all connections"), ...all.map((/** @type {Bag} */ one) => el("option", { value: one.index }, `${one.index + 1}: ${one.client} → ${one.server}`)));
}

// ---- views ----

/** @type {Record<string, {title: string, key: string, draw: () => Promise<void>}>} */
const VIEWS = {
  diagnosis: { title: "Diagnosis", key: "d", draw: diagnosis },
  connections: { title: "Connections", key: "c", draw: connections },
  frames: { title: "Frames", key: "m", draw: list },
  messages: { title: "Messages", key: "m", draw: list },
  chat: { title: "Conversation", key: "f", draw: chat },
  ladder: { title: "Ladder", key: "l", draw: ladder },
  ruler: { title: "Bits", key: "b", draw: ruler },
  findings: { title: "Findings", key: "F", draw: findings },
  statistics: { title: "Statistics", key: "S", draw: statistics },
  export: { title: "Take away", key: "s", draw: taking },
};
for (const [name, view] of Object.entries(VIEWS)) {
  $("views").append(el("button", { role: "tab", id: `tab-${name}`, type: "button", "aria-controls": "main", "aria-selected": false, disabled: true, onclick: () => show(name) }, view.title));
}
const isList = () => state.view === "frames" || state.view === "messages";

async function show(/** @type {string} */ name) {
  if (!VIEWS[name]) name = "diagnosis";
  state.view = name;
  for (const other of Object.keys(VIEWS)) {
    const tab = $(`tab-${other}`);
    tab.disabled = false;
    tab.setAttribute("aria-selected", String(other === name));
    tab.tabIndex = other === name ? 0 : -1;
  }
  $("panes").hidden = !isList();
  $("view").hidden = isList();
  $("view").setAttribute("aria-labelledby", `tab-${name}`);
  await VIEWS[name].draw();
  remember();
}
const draw = (/** @type {any[]} */ ...parts) => $("view").replaceChildren(...parts.flat(3).filter(Boolean));
const badge = (/** @type {string} */ severity) => el("span", { class: `badge ${severity}` }, severity);

async function diagnosis() {
  const all = await ask({ do: "diagnosis" });
  const { attempts, failed } = all.summary;
  draw(
    el("h2", {}, attempts === 0 ? "No attempt at a WebSocket so far" : `${failed || "none"} of ${attempts} ${attempts === 1 ? "attempt" : "attempts"} failed`),
    [...all.attempts].sort((a, b) => (a.stage === null ? 1 : 0) - (b.stage === null ? 1 : 0)).slice(0, 200).map((/** @type {Bag} */ one) => el("article", {},
      el("h3", {}, badge(one.severity), ` ${one.client} → ${one.server}: ${one.sentence}`),
      one.stage && el("dl", {},
        el("dt", {}, "Stage"), el("dd", {}, `${one.stage}: ${one.verdict} (${one.confidence})`),
        el("dt", {}, "Means"), el("dd", {}, one.meaning),
        el("dt", {}, "Fix"), el("dd", {}, el("strong", {}, one.fix ?? "")),
        el("dt", {}, "Evidence"), el("dd", {}, one.evidence.map((/** @type {Bag} */ seen) => el("div", { class: "mono" }, seen.packet ? `packet ${seen.packet}: ` : "", seen.text))),
        el("dt", {}, "Source"), el("dd", {}, one.source ?? "-")),
      one.connection && el("div", { class: "bar" },
        el("button", { type: "button", onclick: () => scope(one.connection - 1, "frames") }, "Frames"),
        el("button", { type: "button", onclick: () => scope(one.connection - 1, "ladder") }, "Ladder")))),
    all.encrypted.length ? el("p", {}, `${all.encrypted.length} TLS connections were not read: drop a key log with the capture.`) : null);
}
/** Looks at one connection. */
async function scope(/** @type {number | null} */ connection, /** @type {string} */ view) {
  state.connection = connection;
  state.row = null;
  $("scope").value = connection === null ? "" : String(connection);
  await show(view);
}

function table(/** @type {string} */ caption, /** @type {string[]} */ head, /** @type {any[][]} */ rows) {
  return el("div", { class: "wide", role: "region", tabindex: 0, "aria-label": caption }, el("table", {}, el("caption", {}, caption),
    el("thead", {}, el("tr", {}, head.map((name) => el("th", { scope: "col" }, name)))),
    el("tbody", {}, rows.map((row) => el("tr", {}, row.map((cell) => el("td", {}, cell)))))));
}
async function connections() {
  const all = await ask({ do: "connections", from: 0, count: 500 });
  draw(table(all.length === 500 ? "The first 500 connections" : "Connections", ["", "client", "server", "request", "outcome", "frames", "findings", "close"], all.map((/** @type {Bag} */ one) => [
    el("button", { type: "button", onclick: () => scope(one.index, "frames"), "aria-label": `Frames of connection ${one.index + 1}` }, one.index + 1),
    one.client, one.server, one.target ?? "", one.outcome, one.frames, one.findings, one.close ?? ""])));
}
async function findings() {
  const all = await ask({ do: "findings", from: 0, count: 500 });
  draw(all.length ? table(all.length === 500 ? "The first 500 findings" : "Findings", ["", "what", "packet", "connection", "means"], all.map((/** @type {Bag} */ one) => [
    badge(one.severity), [el("strong", {}, one.code), " ", one.text], one.row ? el("button", { type: "button", onclick: () => go(one.row) }, one.packet) : one.packet,
    one.connection === null ? "" : one.connection + 1, [one.meaning, one.section ? ` (${one.section})` : ""]])) : el("p", {}, "Nothing was found."));
}
async function statistics() {
  const all = await ask({ do: "statistics" });
  draw(el("h2", {}, "Statistics"), el("pre", { tabindex: 0 }, all.text));
}
/** The connection that views of one connection are about. */
const one = () => state.connection ?? 0;
async function chat() {
  const all = await ask({ do: "chat", connection: one(), from: 0, count: 500 });
  draw(el("h2", {}, `Conversation of connection ${one() + 1}`), el("ol", { class: "chat" }, all.said.map((/** @type {Bag} */ said) => el("li", { class: said.from },
    el("button", { type: "button", onclick: () => go(said.id) }, `${said.from} ${said.number}: ${said.kind}, ${said.length ?? "?"} bytes, ${said.time.toFixed(6)} s`), el("pre", {}, said.text)))),
    all.len > 500 ? el("p", {}, `${all.len - 500} more messages: the list of messages has them all.`) : null);
}
async function ladder() {
  const all = await ask({ do: "ladder", connection: one() });
  const [left, right, step, top] = [190, 640, 26, 50];
  const height = top + step * all.rungs.length + 10;
  const drawn = el("svg", { viewBox: `0 0 740 ${height}`, role: "img", "aria-label": `Ladder of connection ${one() + 1}` });
  for (const [x, end] of [[left, all.lifelines[0]], [right, all.lifelines[1]]]) {
    drawn.append(el("text", { x, y: 16, class: "mid" }, end.name), el("text", { x, y: 32, class: "mid" }, end.address), el("line", { class: "life", x1: x, x2: x, y1: 40, y2: height }));
  }
  all.rungs.forEach((/** @type {Bag} */ rung, /** @type {number} */ at) => {
    const y = top + step * at + 12;
    if (rung.time !== null) drawn.append(el("text", { x: 4, y }, rung.time.toFixed(6)), el("text", { x: 120, y }, rung.packet));
    drawn.append(el("text", { class: `mid ${rung.from ? "" : rung.kind}`, x: (left + right) / 2, y }, rung.label.slice(0, 60)));
    if (!rung.from) return;
    const [from, to, back] = rung.from === "client" ? [left, right, right - 9] : [right, left, left + 9];
    drawn.append(el("line", { x1: from, x2: to, y1: y + 5, y2: y + 5 }), el("polygon", { points: `${to},${y + 5} ${back},${y + 1} ${back},${y + 9}` }));
  });
  draw(el("h2", {}, `Ladder of connection ${one() + 1}`), drawn);
}
const bits = (/** @type {number} */ byte) => byte.toString(2).padStart(8, "0");
const hex = (/** @type {number} */ byte) => byte.toString(16).padStart(2, "0");
/** The header as RFC 6455 draws it, 32 bits a row, with the bits that were sent, and the masking byte by byte. */
async function ruler() {
  const frame = /^f\d+$/.test(state.row ?? "") ? Number(state.row.slice(1)) : 0;
  const all = await ask({ do: "ruler", frame });
  const body = el("tbody");
  const last = all.parts.at(-1);
  const rows = Math.ceil((last.first + last.len) / 32);
  for (let row = 0; row < rows; row++) {
    const line = el("tr");
    for (const part of all.parts) {
      const from = Math.max(part.first, row * 32), to = Math.min(part.first + part.len, row * 32 + 32);
      if (from >= to) continue;
      let sent = "";
      for (let bit = from; bit < to; bit++) sent += (all.sent[bit >> 3] >> (7 - (bit & 7))) & 1;
      line.append(el("td", { colspan: to - from }, part.label, el("br"), el("span", { class: "bits" }, sent)));
    }
    body.append(line);
  }
  const masking = all.masking && [el("h3", {}, "Masking (RFC 6455 5.3): byte i is sent XORed with byte i mod 4 of the key"),
    table("Masked bytes", ["i", "sent", "key", "plain", ""], all.masking.bytes.map((/** @type {Bag} */ byte, /** @type {number} */ at) => {
      const key = all.masking.key[at % 4];
      return [at, `${hex(byte.sent)} ${bits(byte.sent)}`, `${hex(key)} ${bits(key)}`, `${hex(byte.plain)} ${bits(byte.plain)}`, byte.text].map((text) => el("code", {}, text));
    }))];
  draw(el("h2", {}, `${all.title}, from the ${all.from}`), el("div", { class: "wide", role: "region", tabindex: 0, "aria-label": "Header" }, el("table", { class: "ruler" }, el("caption", {}, "The header, 32 bits a row"), body)),
    table("Fields", ["field", "bits", "value"], all.parts.map((/** @type {Bag} */ part) => [part.label, el("code", {}, part.bits), part.value])),
    masking ?? el("p", {}, "Not masked: only clients mask."));
}
async function taking() {
  const save = (/** @type {Blob} */ blob, /** @type {string} */ name) => { const link = el("a", { href: URL.createObjectURL(blob), download: name }); link.click(); setTimeout(() => URL.revokeObjectURL(link.href), 1e4); };
  const print = async (/** @type {string} */ format, /** @type {string} */ rows) => {
    say("printing…");
    const redact = $("redact").checked;
    const { blob } = await ask({ do: "begin-print", format, show: rows, filter: state.filter, redact });
    save(blob, `${rows}.${format}`);
    say(`${blob.size} bytes saved`);
  };
  draw(el("h2", {}, "Take away"), el("p", {}, el("label", {}, el("input", { id: "redact", type: "checkbox" }), " mask credentials and payloads")),
    el("p", { class: "bar" }, [["ndjson", "all"], ["ndjson", "frames"], ["ndjson", "messages"], ["csv", "frames"], ["csv", "messages"], ["csv", "findings"]].map(([format, rows]) => el("button", { type: "button", onclick: () => print(format, rows) }, `${rows} as ${format.toUpperCase()}`)),
      el("button", { type: "button", onclick: async () => { const { text } = await ask({ do: "report", redact: $("redact").checked }); save(new Blob([text], { type: "text/html" }), "report.html"); } }, "Report as HTML")),
    el("p", {}, state.filter ? "What the filter keeps is written." : "Everything is written."));
}

// ---- the list ----

const HEIGHT = 22;
/** Rows beyond which a browser can no longer place them by height: then the scroll bar stands for parts. */
const TALLEST = 300_000;
const scale = () => Math.max(1, about.len / TALLEST);

async function list() {
  state.kind = state.view;
  if (state.row && state.row[0] !== state.kind[0]) state.row = null;
  about = await ask({ do: "list", kind: state.kind, connection: state.connection, filter: state.filter }).catch(() => about);
  $("list").scrollTop = 0;
  state.at = 0;
  await refresh();
  scan();
}
async function scan() {
  while (about.scanning && isList()) {
    about = await ask({ do: "scan" });
    await refresh();
  }
}
let drawing = 0;
async function refresh() {
  shownAt = performance.now();
  const mine = ++drawing;
  if (!state.filter) about = await ask({ do: "size" });
  const grid = $("list");
  const visible = Math.ceil(grid.clientHeight / HEIGHT) + 2;
  const first = Math.max(0, Math.min(Math.floor(grid.scrollTop / HEIGHT * scale()), about.len - visible + 2));
  const rows = await ask({ do: "rows", from: first, count: visible });
  if (mine !== drawing) return;
  grid.setAttribute("aria-rowcount", String(about.len + 1));
  $("spacer").style.height = `${Math.min(about.len, TALLEST) * HEIGHT + HEIGHT}px`;
  $("rows").style.top = `${grid.scrollTop - (scale() > 1 ? 0 : grid.scrollTop % HEIGHT)}px`;
  const cell = (/** @type {any} */ text, /** @type {string} */ kind = "") => el("span", { role: "gridcell", class: kind, title: String(text).length > 24 ? text : null }, text);
  $("rows").replaceChildren(
    el("div", { class: "row head", role: "row", "aria-rowindex": 1 }, ["packet", "time", "conn", "from", state.kind === "frames" ? "frame" : "message", "flags", "length", "payload"].map((name) => el("span", { role: "columnheader" }, name))),
    ...rows.map((/** @type {Bag} */ row, /** @type {number} */ at) => el("div", { class: `row ${row.from}`, id: `row-${row.id}`, role: "row", "aria-rowindex": first + at + 2, "aria-selected": row.id === state.row, onclick: () => select(first + at, row.id) },
      cell(row.packet, "n"), cell(row.time.toFixed(6), "n"), cell(row.connection + 1, "n"), cell(row.from), cell(`${row.number} ${row.kind}${row.finding ? " ⚠" : ""}`), cell(row.flags), cell(row.length ?? "?", "n"), cell(row.text))));
  if (state.filter) say(`${about.len} of ${about.unfiltered} rows match${about.scanning ? " so far" : ""}`);
  if (!state.row && rows.length) await select(first, rows[0].id);
}
$("list").addEventListener("scroll", () => refresh());
new ResizeObserver(() => { if (isList() && !$("panes").hidden) refresh(); }).observe($("list"));

async function select(/** @type {number} */ at, /** @type {string} */ id) {
  state.at = at;
  state.row = id;
  state.packet = null;
  for (const row of $("rows").children) if (row.id) row.setAttribute("aria-selected", String(row.id === `row-${id}`));
  $("list").setAttribute("aria-activedescendant", `row-${id}`);
  await detail(true);
  remember();
}
/** Moves the selection, and the list with it. */
async function move(/** @type {number} */ to) {
  const at = Math.max(0, Math.min(to, about.len - 1));
  const grid = $("list");
  const fits = Math.floor(grid.clientHeight / HEIGHT) - 2;
  const top = Math.floor(grid.scrollTop / HEIGHT * scale());
  if (at < top) grid.scrollTop = at / scale() * HEIGHT;
  else if (at > top + fits) grid.scrollTop = (at - fits) / scale() * HEIGHT;
  const [row] = await ask({ do: "rows", from: at, count: 1 });
  if (row) { state.row = row.id; await refresh(); await select(at, row.id); }
}
/** Goes to a row of the list, wherever it is. */
async function reveal(/** @type {string} */ id) {
  const { at } = await ask({ do: "place", row: id });
  await move(at);
}
async function go(/** @type {string} */ id) {
  state.filter = $("filter").value = "";
  await scope(null, id[0] === "m" ? "messages" : "frames");
  await reveal(id);
}

// ---- the fields and the bytes of a row ----

/** @type {Bag[]} */
let nodes = [];
/** Folded nodes, by what they are called. */
const folded = new Set(["Packet"]);
const called = (/** @type {Bag} */ node) => node.label.replace(/[\d ]+$/, "");
/** @type {Bag} */
let shown = {};

async function detail(/** @type {boolean} */ fresh = false) {
  const of = state.row;
  const answer = await ask({ do: "detail", row: of, tab: state.tab, packet: state.packet });
  if (of !== state.row) return;
  shown = answer;
  nodes = answer.tree;
  state.tab = answer.tab;
  if (fresh || state.field >= nodes.length) state.field = Math.max(0, nodes.findIndex((node) => node.depth === 0 && !/^Packet/.test(node.label)));
  tree();
  bytes();
  light(state.field);
}
function tree() {
  let hidden = Infinity;
  const items = [];
  nodes.forEach((node, at) => {
    if (node.depth > hidden) return;
    hidden = node.inner && folded.has(called(node)) ? node.depth : Infinity;
    const open = hidden === Infinity;
    const item = el("div", { role: "treeitem", id: `field-${at}`, "aria-level": node.depth + 1, "aria-expanded": node.inner ? String(open) : null, "aria-selected": at === state.field, "data-at": at,
      onmouseenter: () => light(at), onmouseleave: () => light(state.field), onclick: () => { if (at === state.field && node.inner) fold(at); else pick(at); } },
    el("i", { "aria-hidden": "true" }, node.inner ? (open ? "▾" : "▸") : ""), node.bits ? el("code", {}, `${node.bits} `) : null, el("b", {}, node.label), node.value ? `: ${node.value}` : "", node.section ? el("small", {}, ` ${node.section}`) : null);
    item.style.paddingLeft = `${node.depth}rem`;
    items.push(item);
  });
  $("tree").replaceChildren(...items);
  $("tree").setAttribute("aria-activedescendant", `field-${state.field}`);
}
function fold(/** @type {number} */ at) {
  const name = called(nodes[at]);
  if (!folded.delete(name)) folded.add(name);
  tree();
  light(state.field);
}
async function pick(/** @type {number} */ at) {
  if (!nodes[at]) return;
  state.field = at;
  // A packet's field is seen in that packet.
  if (nodes[at].packet && nodes[at].packet !== shown.packet && state.tab === "packet") { state.packet = nodes[at].packet; await detail(); }
  for (let top = at, depth = nodes[at].depth; depth > 0; top--) if (nodes[top].depth < depth) { depth = nodes[top].depth; folded.delete(called(nodes[top])); }
  tree();
  light(at);
  $(`field-${at}`)?.scrollIntoView({ block: "nearest" });
  remember();
}
function bytes() {
  const of = decode(shown.bytes);
  const lines = [];
  for (let at = 0; at < of.length; at += 16) {
    const chunk = of.subarray(at, at + 16);
    const cells = [], texts = [];
    chunk.forEach((byte, n) => {
      cells.push(el("span", { "data-at": at + n }, hex(byte)), n === 7 ? "  " : " ");
      texts.push(el("span", { "data-at": at + n }, byte > 31 && byte < 127 ? String.fromCharCode(byte) : "."));
    });
    lines.push(`${(shown.base + at).toString(16).padStart(6, "0")}  `, cells, " ".repeat((16 - chunk.length) * 3 + (chunk.length < 8 ? 1 : 0) + 1), texts, "\n");
  }
  const tabs = shown.tabs.map((/** @type {string} */ tab) => el("button", { type: "button", "aria-pressed": tab === shown.tab, onclick: () => { state.tab = tab; detail(); } }, tab));
  const dump = el("pre", { "aria-hidden": "true" }, lines);
  dump.addEventListener("mouseover", (/** @type {any} */ event) => { const at = fieldOf(event.target.dataset?.at); if (at >= 0) light(at); });
  dump.addEventListener("mouseleave", () => light(state.field));
  dump.addEventListener("click", (/** @type {any} */ event) => { const at = fieldOf(event.target.dataset?.at); if (at >= 0) pick(at); });
  $("hex").replaceChildren(el("div", { class: "bar", role: "group", "aria-label": "Which bytes" }, tabs, shown.packet && shown.tab === "packet" ? el("span", {}, `packet ${shown.packet}`) : null, shown.length > of.length ? el("span", {}, `the first ${of.length} of ${shown.length}`) : null), el("p", { id: "said", class: "mono" }), dump);
}
/** The smallest field that a byte belongs to. */
function fieldOf(/** @type {string | undefined} */ at) {
  if (at === undefined) return -1;
  let best = -1, size = Infinity;
  nodes.forEach((node, index) => {
    for (const [from, to] of node.ranges) if (from <= Number(at) && Number(at) < to && to - from <= size) { best = index; size = to - from; }
  });
  return best;
}
/** Marks a field and its bytes. */
function light(/** @type {number} */ at) {
  const node = nodes[at];
  for (const lit of document.querySelectorAll(".lit")) lit.classList.remove("lit");
  if (!node) return;
  $(`field-${at}`)?.classList.add("lit");
  for (const [from, to] of node.ranges) for (let byte = from; byte < Math.min(to, from + 4096); byte++) for (const span of $("hex").querySelectorAll(`[data-at="${byte}"]`)) span.classList.add("lit");
  const said = $("said");
  if (said) said.textContent = `${node.ranges.length ? node.ranges.map(([from, to]) => to - from === 1 ? `byte ${from}` : `bytes ${from} to ${to - 1}`).join(", ") : "no bytes here"}${node.bits ? `, bits ${node.bits}` : ""}: ${node.label}`;
}

// ---- the filter ----

const input = $("filter");
let chosen = -1;
/** @type {Bag[]} */
let completions = [];
async function check() {
  const { error, completions: found } = await ask({ do: "check", filter: input.value, cursor: input.selectionStart });
  input.setAttribute("aria-invalid", String(!!error));
  const text = input.value;
  $("filter-error").replaceChildren(...(error ? [text.slice(0, error.from), el("mark", {}, text.slice(error.from, Math.max(error.to, error.from + 1)) || " "), text.slice(Math.max(error.to, error.from + 1)), `\n${error.message}`] : []));
  completions = document.activeElement === input ? found : [];
  chosen = -1;
  complete();
  return !error;
}
function complete() {
  $("completions").hidden = !completions.length;
  input.setAttribute("aria-expanded", String(!!completions.length));
  $("completions").replaceChildren(...completions.map((one, at) => el("li", { role: "option", id: `completion-${at}`, "aria-selected": at === chosen, onmousedown: (/** @type {Event} */ event) => { event.preventDefault(); take(at); } }, one.text, " ", el("small", {}, one.note))));
  if (chosen >= 0) input.setAttribute("aria-activedescendant", `completion-${chosen}`); else input.removeAttribute("aria-activedescendant");
}
function take(/** @type {number} */ at) {
  const one = completions[at];
  input.setRangeText(one.text, one.from, one.to, "end");
  check();
}
input.addEventListener("input", check);
input.addEventListener("blur", () => { completions = []; complete(); });
input.addEventListener("keydown", async (/** @type {KeyboardEvent} */ event) => {
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    if (!completions.length) return;
    event.preventDefault();
    chosen = (chosen + (event.key === "ArrowDown" ? 1 : -1) + completions.length) % completions.length;
    complete();
  } else if (event.key === "Tab" && completions.length && !event.shiftKey && input.value) {
    event.preventDefault();
    take(Math.max(chosen, 0));
  } else if (event.key === "Enter") {
    if (chosen >= 0) return take(chosen);
    if (!(await check())) return;
    completions = [];
    complete();
    state.filter = input.value;
    await show(isList() ? state.view : "frames");
    $("list").focus();
  } else if (event.key === "Escape") {
    completions = [];
    complete();
    $("list").focus();
  }
});
$("scope").addEventListener("change", () => scope($("scope").value === "" ? null : Number($("scope").value), state.view));

// ---- keys ----

/** @type {[string[], string, () => any][]} */
const KEYS = [
  [["?"], "every key", () => $("help").showModal()],
  [["d"], "diagnosis", () => show("diagnosis")],
  [["c"], "connections", () => show("connections")],
  [["m"], "list messages instead of frames, and back", () => show(state.view === "frames" ? "messages" : "frames")],
  [["f"], "the conversation of the connection", () => show("chat")],
  [["l"], "the ladder of the connection", () => show("ladder")],
  [["b"], "the frame's header as RFC 6455 draws it, and the masking", () => show("ruler")],
  [["F", "e"], "findings", () => show("findings")],
  [["S"], "statistics", () => show("statistics")],
  [["s"], "take away: NDJSON, CSV, a report", () => show("export")],
  [["="], "type a display filter", () => input.focus()],
  [["\\"], "drop the display filter", () => { input.value = state.filter = ""; check(); return isList() && show(state.view); }],
  [["j", "ArrowDown"], "down", () => move(state.at + 1)],
  [["k", "ArrowUp"], "up", () => move(state.at - 1)],
  [["PageDown"], "a screen down", () => move(state.at + 10)],
  [["PageUp"], "a screen up", () => move(state.at - 10)],
  [["g", "Home"], "to the beginning", () => move(0)],
  [["G", "End"], "to the end", () => move(about.len - 1)],
  [["x"], "next tab of the bytes", () => { const tabs = shown.tabs ?? []; state.tab = tabs[(tabs.indexOf(state.tab) + 1) % tabs.length]; return detail(); }],
];
$("keys").append(...KEYS.flatMap(([keys, what]) => [el("dt", {}, keys.map((key) => [el("kbd", {}, key), " "])), el("dd", {}, what)]));
$("help-open").addEventListener("click", () => $("help").showModal());
document.addEventListener("keydown", (event) => {
  const target = /** @type {HTMLElement} */ (event.target);
  if (event.ctrlKey || event.metaKey || event.altKey || ["INPUT", "SELECT"].includes(target.tagName) || $("help").open) return;
  if (target.closest("#views") && (event.key === "ArrowRight" || event.key === "ArrowLeft")) {
    const names = Object.keys(VIEWS);
    const next = names[(names.indexOf(state.view) + (event.key === "ArrowRight" ? 1 : names.length - 1)) % names.length];
    show(next).then(() => $(`tab-${next}`).focus());
    return;
  }
  if (target.closest("#tree") && moveField(event)) return event.preventDefault();
  const key = KEYS.find(([keys]) => keys.includes(event.key));
  const moves = event.key.length > 1;
  if (!key || !state.name && event.key !== "?" || (moves && !target.closest("#list"))) return;
  if (["j", "k", "g", "G", "x"].includes(event.key) && !isList()) return;
  event.preventDefault();
  key[2]();
});
/** Keys inside the tree. */
function moveField(/** @type {KeyboardEvent} */ event) {
  const items = [...$("tree").children].map((item) => Number(item.dataset.at));
  const place = items.indexOf(state.field), node = nodes[state.field];
  switch (event.key) {
    case "ArrowDown": case "j": pick(items[Math.min(place + 1, items.length - 1)]); return true;
    case "ArrowUp": case "k": pick(items[Math.max(place - 1, 0)]); return true;
    case "Home": pick(items[0]); return true;
    case "End": pick(items[items.length - 1]); return true;
    case "ArrowRight": case "ArrowLeft": case "Enter": case " ":
      if (node?.inner && (event.key.length !== 10 && event.key !== "ArrowRight" && event.key !== "ArrowLeft" || (event.key === "ArrowRight") === folded.has(called(node)))) fold(state.field);
      return true;
    default: return false;
  }
}

// ---- dropping and choosing ----

$("choose").addEventListener("click", () => $("file").click());
$("file").addEventListener("change", () => { const files = [...$("file").files]; if (files.length) open(files, files.map((file) => file.name)); });
$("cancel").addEventListener("click", () => ask({ do: "stop" }));
document.addEventListener("dragover", (event) => { event.preventDefault(); document.body.classList.add("over"); });
document.addEventListener("dragleave", () => document.body.classList.remove("over"));
document.addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("over");
  const files = [...(event.dataTransfer?.files ?? [])];
  if (files.length) open(files, files.map((file) => file.name));
});
window.addEventListener("hashchange", () => { wanted = fragment(); if (state.name) arrived(); });

/** @type {{name: string, about: string, files: {name: string, data: string}[]}[]} */
const samples = JSON.parse(island("sample-data") || "[]");
samples.forEach((sample, at) => $("samples").append(el("option", { value: at }, `${sample.name}: ${sample.about}`)));
const openIsland = (/** @type {any} */ sample) => open(sample.files.map((/** @type {any} */ file) => new Blob([decode(file.data)])), sample.files.map((/** @type {any} */ file) => file.name));
$("samples").addEventListener("change", () => { const sample = samples[Number($("samples").value)]; if ($("samples").value !== "") openIsland(sample); });
const embedded = JSON.parse(island("capture") || "null");
if (embedded) openIsland(embedded);
