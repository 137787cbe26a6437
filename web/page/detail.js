// @ts-check
// The fields of a row as a tree, and its bytes: pointing at one marks the other.

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
  uncover(state.field);
}
/** Looks at nothing. */
function nothing() {
  shown = { tree: [], bytes: "", tabs: [], length: 0, base: 0 };
  nodes = [];
  tree();
  bytes();
}
function tree() {
  let hidden = Infinity;
  const items = /** @type {any[]} */ ([]);
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
  if (items.length) $("tree").setAttribute("aria-activedescendant", `field-${state.field}`); else $("tree").removeAttribute("aria-activedescendant");
}
function fold(/** @type {number} */ at) {
  const name = called(nodes[at]);
  if (!folded.delete(name)) folded.add(name);
  tree();
  light(state.field);
}
async function pick(/** @type {number} */ at, /** @type {boolean} */ scrolls = true) {
  if (!nodes[at]) return;
  state.field = at;
  // A packet's field is seen in that packet.
  if (nodes[at].packet && nodes[at].packet !== shown.packet && state.tab === "packet") { state.packet = nodes[at].packet; await detail(); }
  for (let top = at, depth = nodes[at].depth; depth > 0; top--) if (nodes[top].depth < depth) { depth = nodes[top].depth; folded.delete(called(nodes[top])); }
  tree();
  light(at);
  $(`field-${at}`)?.scrollIntoView({ block: "nearest" });
  if (scrolls) uncover(at);
  remember();
}

// The bytes: only the lines in sight are there.

const LINE = 18;
/** @type {{of: Uint8Array, host: any, lines: any, cells: Map<number, any[]>, lit: number}} */
const dump = { of: new Uint8Array(), host: null, lines: null, cells: new Map(), lit: -1 };

function bytes() {
  dump.of = decode(shown.bytes);
  dump.lines = el("pre", { "aria-hidden": "true" });
  const space = el("div", { class: "space" }, dump.lines);
  space.style.height = `${Math.ceil(dump.of.length / 16) * LINE}px`;
  dump.host = el("div", { class: "dump", onscroll: lines }, space);
  const over = (/** @type {any} */ event) => fieldOf(event.target.dataset?.at);
  dump.lines.addEventListener("mouseover", (/** @type {any} */ event) => { const at = over(event); if (at >= 0) light(at); });
  dump.lines.addEventListener("mouseleave", () => light(state.field));
  dump.lines.addEventListener("click", (/** @type {any} */ event) => { const at = over(event); if (at >= 0) pick(at, false); if (event.target.dataset?.at) pointed(Number(event.target.dataset.at)); });
  const tabs = shown.tabs.map((/** @type {string} */ tab) => button(tab, () => { state.tab = tab; detail(); }, { "aria-pressed": tab === shown.tab }));
  $("hex").replaceChildren(el("div", { class: "bar", role: "group", "aria-label": "Which bytes" }, tabs, shown.packet && shown.tab === "packet" ? el("span", {}, `packet ${shown.packet}`) : null, shown.length > dump.of.length ? el("span", {}, `the first ${dump.of.length} of ${shown.length}`) : null), el("p", { id: "said", class: "mono" }), dump.host);
  lines();
}
/** Draws the lines in sight. */
function lines() {
  const { of, host } = dump;
  const first = Math.max(0, Math.floor(host.scrollTop / LINE) - 4), last = Math.ceil((host.scrollTop + host.clientHeight) / LINE) + 4;
  const drawn = [];
  dump.cells = new Map();
  for (let at = first * 16; at < Math.min(of.length, last * 16); at += 16) {
    const chunk = of.subarray(at, at + 16);
    const cells = /** @type {any[]} */ ([]), texts = /** @type {any[]} */ ([]);
    chunk.forEach((byte, n) => {
      const pair = [el("span", { "data-at": at + n }, hex(byte)), el("span", { "data-at": at + n }, byte > 31 && byte < 127 ? String.fromCharCode(byte) : ".")];
      dump.cells.set(at + n, pair);
      cells.push(pair[0], n === 7 ? "  " : " ");
      texts.push(pair[1]);
    });
    drawn.push(`${(shown.base + at).toString(16).padStart(6, "0")}  `, ...cells, " ".repeat((16 - chunk.length) * 3 + (chunk.length < 8 ? 1 : 0) + 1), ...texts, "\n");
  }
  dump.lines.style.top = `${first * LINE}px`;
  dump.lines.replaceChildren(...drawn);
  glow();
}
/** Marks the bytes of the field in the lines in sight. */
function glow() {
  for (const pair of dump.cells.values()) for (const cell of pair) cell.classList.remove("lit");
  for (const [from, to] of nodes[dump.lit]?.ranges ?? []) {
    for (const [at, pair] of dump.cells) if (from <= at && at < to) for (const cell of pair) cell.classList.add("lit");
  }
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
  for (const lit of $("tree").querySelectorAll(".lit")) lit.classList.remove("lit");
  dump.lit = at;
  if (!node) return;
  $(`field-${at}`)?.classList.add("lit");
  glow();
  const said = $("said");
  if (said) said.textContent = `${node.ranges.length ? node.ranges.map((/** @type {[number, number]} */ [from, to]) => to - from === 1 ? `byte ${from}` : `bytes ${from} to ${to - 1}`).join(", ") : "no bytes here"}${node.bits ? `, bits ${node.bits}` : ""}: ${node.label}`;
}
/** Brings the first byte of a field into sight. */
function uncover(/** @type {number} */ at) {
  const from = nodes[at]?.ranges[0]?.[0], host = dump.host;
  if (from === undefined || !host) return;
  const y = Math.floor(from / 16) * LINE;
  if (y < host.scrollTop || y + LINE > host.scrollTop + host.clientHeight) host.scrollTop = Math.max(0, y - 2 * LINE);
}
