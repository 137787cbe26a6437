// @ts-check
// Keys, as in the terminal interface.

/** @type {[string[], string, () => any][]} */
const KEYS = [
  [["?"], "every key", () => $("help").showModal()],
  [["o"], "open a capture", () => $("file").click()],
  ...Object.entries(VIEWS).filter(([, view]) => view.key).map(([name, view]) => /** @type {[string[], string, () => any]} */ ([[view.key], view.what, () => show(name)])),
  [["m"], "list messages instead of frames, and back", () => show(state.view === "frames" ? "messages" : "frames")],
  [["a"], "all connections instead of one, and back", () => scope(state.connection === null ? ofRow() : null, isList() || state.view === "graph" ? state.view : "frames")],
  [["="], "type a display filter", () => input.focus()],
  [["\\"], "drop the display filter", () => { input.value = state.filter = ""; check(); return isList() && show(state.view); }],
  [["j", "ArrowDown"], "down", () => move(state.at + 1)],
  [["k", "ArrowUp"], "up", () => move(state.at - 1)],
  [["PageDown"], "a screen down", () => move(state.at + visible() - 3)],
  [["PageUp"], "a screen up", () => move(state.at - visible() + 3)],
  [["g", "Home"], "to the beginning", () => move(0)],
  [["G", "End"], "to the end", () => move(about.len - 1)],
  [["Enter"], "into the connection, to the place of a finding, or into the fields", enter],
  [["+"], "in the graph: narrower columns", () => state.view === "graph" && graph("in")],
  [["-"], "in the graph: wider columns", () => state.view === "graph" && graph("out")],
  [["x"], "next tab of the bytes", () => { const tabs = shown.tabs ?? []; state.tab = tabs[(tabs.indexOf(state.tab) + 1) % tabs.length]; return detail(); }],
];
$("keys").append(...KEYS.flatMap(([keys, what]) => [el("dt", {}, keys.map((key) => [el("kbd", {}, key), " "])), el("dd", {}, what)]));
$("help-open").addEventListener("click", () => $("help").showModal());
/** The connection of the chosen row. */
const ofRow = () => shown.connection ?? 0;

document.addEventListener("keydown", (event) => {
  const target = /** @type {HTMLElement} */ (event.target);
  if (event.ctrlKey || event.metaKey || event.altKey || ["INPUT", "SELECT", "TEXTAREA"].includes(target.tagName) || $("help").open) return;
  if (target.closest("#views") && ["ArrowRight", "ArrowLeft", "Home", "End"].includes(event.key)) {
    const names = Object.keys(VIEWS).filter((name) => !$(`tab-${name}`).disabled);
    const at = names.indexOf(state.view), last = names.length - 1;
    const next = names[{ ArrowRight: at === last ? 0 : at + 1, ArrowLeft: at ? at - 1 : last, Home: 0, End: last }[event.key] ?? 0];
    event.preventDefault();
    return show(next).then(() => $(`tab-${next}`).focus());
  }
  if (target.closest("#tree") && moveField(event)) return event.preventDefault();
  const key = KEYS.find(([keys]) => keys.includes(event.key));
  const moves = event.key.length > 1;
  if (!key || (!state.name && !["?", "o"].includes(event.key)) || (moves && !target.closest("#list"))) return;
  if (["j", "k", "g", "G", "x"].includes(event.key) && !isList()) return;
  event.preventDefault();
  key[2]();
});
/** Keys inside the tree. */
function moveField(/** @type {KeyboardEvent} */ event) {
  const items = [...$("tree").children].map((item) => Number(item.dataset.at));
  const place = items.indexOf(state.field), node = nodes[state.field];
  const isFolded = node?.inner && folded.has(called(node));
  switch (event.key) {
    case "ArrowDown": case "j": pick(items[Math.min(place + 1, items.length - 1)]); return true;
    case "ArrowUp": case "k": pick(items[Math.max(place - 1, 0)]); return true;
    case "Home": pick(items[0]); return true;
    case "End": pick(items[items.length - 1]); return true;
    case "Escape": $("list").focus(); return true;
    case "Enter": case " ": if (node?.inner) fold(state.field); return true;
    case "ArrowRight": if (isFolded) fold(state.field); return true;
    case "ArrowLeft": if (node?.inner && !isFolded) fold(state.field); return true;
    default: return false;
  }
}
