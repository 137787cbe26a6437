// @ts-check
// A list whose entries are as tall as what they say, of any length. The scroll bar stands for their numbers: where it is in
// its way, there the list is in its own, and the entry at that place is drawn at that height of the window. So the first one
// begins at the top and the last one ends at the bottom, without anybody measuring those between.

/** Entries up to which all are simply there: then a browser's own search and its printer see them. */
const SHORT = 60;
/** How tall an entry is, about, and at least. */
const USUAL = 72, LEAST = 30;

/**
 * @param {string} label
 * @param {number} length
 * @param {(from: number, count: number) => Promise<Bag[]>} fetch
 * @param {(entry: Bag, at: number) => any} entryOf
 */
function feed(label, length, fetch, entryOf) {
  const inside = el("div", { class: "entries" });
  const space = el("div", { class: "space" }, inside);
  const host = el("div", { class: "feed", role: "feed", tabindex: 0, "aria-label": label, "aria-busy": false }, space);
  /** @type {Map<number, any>} */
  let drawn = new Map();
  let turn = 0;
  /** The entry that is to have the focus once it is there. */
  let goal = -1;
  const isShort = length <= SHORT;
  host.classList.toggle("short", isShort);
  if (!isShort) space.style.height = `${Math.min(length * USUAL, 6_000_000)}px`;

  const article = (/** @type {Bag} */ entry, /** @type {number} */ at) => {
    const made = entryOf(entry, at);
    for (const [name, value] of [["role", "article"], ["aria-posinset", at + 1], ["aria-setsize", length], ["data-at", at], ["tabindex", -1]]) made.setAttribute(name, String(value));
    return made;
  };
  /** Puts what belongs at the place of the scroll bar there. */
  function place() {
    const way = Math.max(1, space.offsetHeight - host.clientHeight);
    const part = Math.min(1, host.scrollTop / way);
    const exact = Math.min(part * length, length - 1e-6), at = Math.floor(exact);
    const entry = drawn.get(at);
    if (!entry) return;
    const inEntry = entry.offsetTop + (exact - at) * entry.offsetHeight;
    inside.style.top = `${host.scrollTop + part * host.clientHeight - inEntry}px`;
  }
  async function refresh() {
    const mine = ++turn;
    if (isShort) {
      if (!drawn.size) { const all = await fetch(0, length); all.forEach((one, at) => drawn.set(at, article(one, at))); inside.replaceChildren(...drawn.values()); }
      return;
    }
    place();
    const around = Math.ceil(host.clientHeight / LEAST) + 1;
    const part = host.scrollTop / Math.max(1, space.offsetHeight - host.clientHeight);
    const middle = Math.floor(part * length);
    const from = Math.max(0, Math.min(middle - around, length - 1)), to = Math.min(length, middle + around);
    if (drawn.has(from) && drawn.has(to - 1)) return reach();
    const entries = await fetch(from, to - from);
    if (mine !== turn) return;
    const before = drawn;
    drawn = new Map();
    entries.forEach((one, n) => drawn.set(from + n, before.get(from + n) ?? article(one, from + n)));
    const focused = /** @type {any} */ (document.activeElement), wasInside = host.contains(focused);
    inside.replaceChildren(...drawn.values());
    // Who read an entry that is far away now goes on reading the list.
    if (wasInside && !host.contains(document.activeElement)) { if (focused?.isConnected) focused.focus({ preventScroll: true }); else host.focus({ preventScroll: true }); }
    place();
    reach();
  }
  function reach() {
    const entry = drawn.get(goal);
    if (!entry) return;
    goal = -1;
    entry.focus({ preventScroll: !isShort });
  }
  /** Brings an entry into sight, and to the keys. */
  function reveal(/** @type {number} */ at) {
    goal = at;
    if (!isShort) host.scrollTop = (at + 0.5) / length * (space.offsetHeight - host.clientHeight);
    refresh().then(reach);
  }
  host.addEventListener("scroll", refresh);
  // Page keys go from entry to entry, as feeds do.
  host.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    const step = { PageDown: 1, PageUp: -1, Home: -Infinity, End: Infinity }[event.key];
    if (step === undefined || !length) return;
    event.preventDefault();
    event.stopPropagation();
    const now = Number(/** @type {any} */ (document.activeElement)?.closest("[data-at]")?.dataset.at ?? (step > 0 ? -1 : 0));
    reveal(Math.max(0, Math.min(length - 1, now + step)));
  });
  new ResizeObserver(refresh).observe(host);
  refresh();
  return host;
}
