// @ts-check
// Opening captures, where in them we are, and the address that leads there.

/** @type {Bag} */
const state = { view: "diagnosis", connection: null, filter: "", at: 0, row: null, field: 0, tab: "packet", packet: null, name: "", connections: 0, over: true };
let shownAt = 0;
/** What the fragment asked for when the page opened. */
let wanted = fragment();

function fragment() {
  return Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
}
/** Says in the address where we are, so that a link leads here. */
function remember() {
  const of = new URLSearchParams();
  if (state.name) of.set("file", state.name);
  of.set("view", state.view);
  if (state.connection !== null) of.set("connection", String(state.connection + 1));
  if (state.filter) of.set("filter", state.filter);
  if (state.row && isList()) { of.set("row", state.row); if (state.field) of.set("field", String(state.field)); if (state.tab !== "packet") of.set("bytes", state.tab); }
  for (const [key, value] of Object.entries(VIEWS[state.view].says?.() ?? {})) if (value) of.set(key, value);
  history.replaceState(null, "", `#${of}`);
}

const isKeyLog = async (/** @type {Blob} */ file) => file.size < 64e6 && /^(#|CLIENT_|SERVER_|RSA |EXPORTER_|QUIC_)/.test(await file.slice(0, 64).text());

/** Captures, and the texts of key logs among them. */
async function sorted(/** @type {Blob[]} */ all, /** @type {string[]} */ names) {
  const found = { keys: /** @type {string[]} */ ([]), files: /** @type {Blob[]} */ ([]), names: /** @type {string[]} */ ([]) };
  for (const [at, file] of all.entries()) {
    if (await isKeyLog(file)) found.keys.push(await file.text());
    else { found.files.push(file); found.names.push(names[at]); }
  }
  return found;
}
/** Opens files: captures, and key logs among them. */
async function open(/** @type {Blob[]} */ all, /** @type {string[]} */ allNames) {
  await started;
  const { keys, files, names } = await sorted(all, allNames);
  if (!files.length && lastFiles) { files.push(...lastFiles.files); names.push(...lastFiles.names); }
  if (!files.length) return say("that is a key log: drop the capture with it");
  lastFiles = { files, names };
  await opening(() => ask({ do: "open", files, names, keys: keys.join("\n") || null }));
  await show(wanted.view ?? (VIEWS[state.view].alone ? "diagnosis" : state.view));
}
/** Has the core open something; everything of the capture before is forgotten. */
async function opening(/** @type {() => Promise<Bag>} */ opens) {
  say("");
  delete document.body.dataset.read;
  [column, compared] = [0, ""];
  Object.assign(state, { row: null, at: 0, connection: null, filter: "", field: 0, packet: null, connections: 0, over: false });
  $("filter").value = $("scope").value = "";
  const opened = await opens();
  state.name = opened.name;
  const names = opened.file ?? lastFiles?.names.join(", ") ?? "";
  $("name").textContent = names;
  document.title = `${names} – Wireloupe`;
  for (const id of ["progress", "cancel", "filterbar"]) $(id).hidden = false;
}
/** Called once, when everything is read. */
let whenRead = /** @type {(value?: any) => void} */ (() => {});
/** @type {{files: Blob[], names: string[]} | null} */
let lastFiles = null;

function progressed(/** @type {Bag} */ now) {
  $("progress").value = now.total ? now.read / now.total : 0;
  $("counts").textContent = now.counts;
  state.connections = now.connections;
  $("scope").max = now.connections;
  const ended = now.over && !state.over;
  state.over = now.over;
  if (now.over) {
    $("progress").hidden = $("cancel").hidden = true;
    say(["Everything is read", ...now.notes].join("; "));
  }
  if (ended) arrived();
  else if (isList() && !state.filter && performance.now() - shownAt > 300) refresh();
}
/** All is there: go where the fragment pointed. */
async function arrived() {
  const to = wanted;
  wanted = {};
  if (to.file && to.file !== state.name) say("the link was made for another capture");
  if (to.connection) state.connection = Number(to.connection) - 1;
  if (to.filter) $("filter").value = state.filter = to.filter;
  if (to.bytes) state.tab = to.bytes;
  $("scope").value = state.connection === null ? "" : state.connection + 1;
  await show(to.view ?? state.view);
  if (to.row && isList()) { await reveal(to.row); if (to.field) await pick(Number(to.field)); }
  document.body.dataset.read = state.name;
  whenRead();
  whenRead = () => {};
}
/** Looks at one connection, or at all. */
async function scope(/** @type {number | null} */ connection, /** @type {string} */ view) {
  state.connection = connection;
  state.row = null;
  $("scope").value = connection === null ? "" : connection + 1;
  await show(view);
}
