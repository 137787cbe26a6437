// @ts-check
// The lists: connections, frames, messages and findings, of which only the rows on the screen are there. The core says what the
// columns are called and what stands in them.

const HEIGHT = 22;
/** Rows beyond which a browser can no longer place them by height: then the scroll bar stands for parts. */
const TALLEST = 300_000;
let about = { len: 0, scanning: false, unfiltered: 0, kind: "", columns: [] };
const scale = () => Math.max(1, about.len / TALLEST);
const visible = () => Math.ceil($("list").clientHeight / HEIGHT) + 2;

async function list() {
  const view = state.view;
  if (about.kind !== view) state.row = null;
  about = await ask({ do: "list", kind: view, connection: state.connection, filter: state.filter });
  // Who looks at something else by now gets that.
  if (state.view !== view) return;
  // The filter is about messages alone, or frames alone.
  if (about.kind !== view) return show(about.kind);
  $("list").className = about.kind;
  $("list").setAttribute("aria-label", about.kind);
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
/** Where the scroll bar was for the drawing that was begun last. */
let drawnTop = -1;
/** Draws the rows that are in sight, the one at a place chosen; whether no later drawing overtook this one. */
async function refresh(/** @type {number} */ chosen = -1) {
  shownAt = performance.now();
  const mine = ++drawing;
  const grid = $("list");
  drawnTop = grid.scrollTop;
  const first = () => Math.max(0, Math.min(Math.floor(grid.scrollTop / HEIGHT * scale()), about.len - visible() + 2));
  const from = first();
  const answer = await ask({ do: "rows", from, count: visible() });
  if (mine !== drawing || !isList()) return false;
  about = answer.about;
  const row = answer.rows[chosen - from];
  if (row) [state.at, state.row, state.packet] = [chosen, row.id, null];
  grid.setAttribute("aria-rowcount", String(about.len + 1));
  $("spacer").style.height = `${Math.min(about.len, TALLEST) * HEIGHT + HEIGHT}px`;
  $("rows").style.top = `${grid.scrollTop - (scale() > 1 ? 0 : grid.scrollTop % HEIGHT)}px`;
  const heads = el("div", { class: "row head", role: "row", "aria-rowindex": 1 }, about.columns.map((name) => el("span", { role: "columnheader" }, name)));
  $("rows").replaceChildren(heads, ...answer.rows.map((/** @type {Bag} */ row, /** @type {number} */ at) => line(row, from + at)));
  mark();
  if (state.filter) say(`${about.len} of ${about.unfiltered} rows match${about.scanning ? " so far" : ""}`);
  if (!about.len) $("rows").append(el("p", { class: "nothing" }, about.scanning ? "looking…" : state.filter ? "nothing matches" : "nothing here"));
  if (!about.len) { state.row = null; nothing(); }
  if (!state.row && answer.rows.length) await select(from, answer.rows[0].id);
  return true;
}
function line(/** @type {Bag} */ row, /** @type {number} */ at) {
  return el("div", { class: `row ${row.class}`, id: `row-${row.id}`, role: "row", "aria-rowindex": at + 2, "aria-selected": row.id === state.row, onclick: () => select(at, row.id), ondblclick: enter },
    row.cells.map((/** @type {string} */ text) => el("span", { role: "gridcell", title: text.length > 24 ? text : null }, text)));
}
/** Marks the chosen row, where it is in sight. */
function mark() {
  const id = `row-${state.row}`;
  for (const row of $("rows").children) if (row.id) row.setAttribute("aria-selected", String(row.id === id));
  if ($(id)) $("list").setAttribute("aria-activedescendant", id); else $("list").removeAttribute("aria-activedescendant");
}
$("list").addEventListener("scroll", () => { if ($("list").scrollTop !== drawnTop) refresh(); });
new ResizeObserver(() => { if (isList() && !$("panes").hidden) refresh(); }).observe($("list"));

async function select(/** @type {number} */ at, /** @type {string} */ id) {
  state.at = at;
  state.row = id;
  state.packet = null;
  mark();
  await detail(true);
  remember();
}
/** Moves the selection, and the list with it. */
async function move(/** @type {number} */ to) {
  const at = Math.max(0, Math.min(to, about.len - 1));
  const grid = $("list");
  const fits = Math.max(1, Math.floor(grid.clientHeight / HEIGHT) - 2);
  const top = Math.floor(grid.scrollTop / HEIGHT * scale());
  if (at < top) grid.scrollTop = at / scale() * HEIGHT;
  else if (at > top + fits) grid.scrollTop = (at - fits) / scale() * HEIGHT;
  state.at = at;
  // Another drawing may come between; a later move has another place.
  while (isList() && state.at === at) {
    if (!await refresh(at)) continue;
    return state.row ? select(at, state.row) : undefined;
  }
}
/** Goes to a row of the list, wherever it is. */
async function reveal(/** @type {string} */ id) {
  const { at } = await ask({ do: "place", row: id });
  await move(at);
}
/** Goes to a frame or message among all. */
async function go(/** @type {string} */ id) {
  state.filter = $("filter").value = "";
  await scope(null, id[0] === "m" ? "messages" : "frames");
  await reveal(id);
}
/** What Enter does to a row: into the connection, to the place of a finding, into the fields. */
async function enter() {
  const to = (await ask({ do: "enter", row: state.row })).to;
  if (!to) return $("tree").focus();
  if (to.connection !== undefined) await scope(to.connection, "frames"); else await go(to.row);
  $("list").focus();
}
