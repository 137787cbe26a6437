// @ts-check
// What connections did over time: what each side sent a second, above and below a line, and how long round trips took.

/** The chosen column. */
let column = 0;
/** Counts the drawings that were begun: an older one stops. */
let graphed = 0;

const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const took = (/** @type {number} */ seconds) => seconds < 1 ? `${(seconds * 1e3).toPrecision(3)} ms` : `${seconds.toPrecision(3)} s`;
const graphColumns = () => Math.max(20, Math.min(200, Math.floor(($("main").clientWidth - 120) / 6)));

async function graph(/** @type {string} */ move = "fresh") {
  const mine = ++graphed;
  let all = await ask({ do: "graph", connection: state.connection, columns: graphColumns(), at: column, move });
  column = Math.min(all.at, all.columns.length - 1);
  for (;;) {
    if (mine !== graphed || state.view !== "graph") return;
    drawGraph(all);
    if (all.percent === null) return;
    all = await ask({ do: "graph", connection: state.connection, columns: all.columns.length, at: column });
  }
}

function drawGraph(/** @type {Bag} */ all) {
  const of = state.connection === null ? "all connections" : `connection ${state.connection + 1}`;
  const by = (/** @type {number} */ which) => (/** @type {Bag} */ one) => [one.client[which], one.server[which]];
  const has = all.columns[column];
  const seconds = (/** @type {number} */ at) => `${(all.from + (all.to - all.from) * at / all.columns.length).toFixed(6)} s`;
  const trip = has.trip ? `, longest round trip ${took(has.trip.took)} (${has.trip.kind})` : "";
  const [wider, narrower] = [() => graph("out"), () => graph("in")];
  draw(el("h2", {}, `Graph of ${of}: ${all.width} a column${all.percent === null ? "" : ` (${all.percent} %)`}`),
    el("p", { class: "bar" }, button("Zoom in (+)", narrower), button("Zoom out (−)", wider), button("Earlier", () => graph("earlier")), button("Later", () => graph("later")), button("All of the time", () => graph("all")),
      button("Column before", () => choose(all, column - 1)), button("Column after", () => choose(all, column + 1)),
      button("To its first frame", () => go(has.row), { disabled: !has.row }), button("To its slowest answer", () => go(has.answer), { disabled: !has.answer })),
    el("p", { id: "column", "aria-live": "polite" }, `${seconds(column)} to ${seconds(column + 1)}: client ${short.format(has.client[0])} B/s, ${short.format(has.client[1])} frames/s; server ${short.format(has.server[0])} B/s, ${short.format(has.server[1])} frames/s${trip}`),
    chart(all, "Bytes a second", "B/s", by(0)), chart(all, "Frames a second", "frames/s", by(1)), trips(all),
    all.without_calls ? el("p", { class: "faint" }, "Answers to calls are left out: there are too many connections to decode them all. Choose one.") : null);
}

function choose(/** @type {Bag} */ all, /** @type {number} */ at) {
  column = Math.max(0, Math.min(at, all.columns.length - 1));
  drawGraph(all);
}

/** The columns as places to click, from the first to the last. */
function columns(/** @type {Bag} */ all, /** @type {number} */ left, /** @type {number} */ wide, /** @type {number} */ height) {
  const at = (/** @type {number} */ x) => Math.floor((x - left) / wide);
  return el("rect", { class: "under", x: left, y: 0, width: wide * all.columns.length, height, onclick: (/** @type {MouseEvent} */ event) => {
    const drawn = /** @type {any} */ (event.target).ownerSVGElement.getBoundingClientRect();
    choose(all, at((event.clientX - drawn.left) * 740 / drawn.width));
  } });
}

function frameOf(/** @type {Bag} */ all, /** @type {string} */ name, /** @type {string} */ most, /** @type {number} */ height, /** @type {(left: number, wide: number) => any[]} */ inside) {
  const [left, wide] = [90, 640 / all.columns.length];
  const drawn = el("svg", { class: "graph", viewBox: `0 0 740 ${height + 20}`, role: "img", "aria-label": `${name}, at most ${most}` },
    columns(all, left, wide, height), el("rect", { class: "at", x: left + wide * column, y: 0, width: wide, height }), inside(left, wide),
    el("text", { x: 0, y: 12 }, most), el("text", { x: left, y: height + 15 }, `${all.from.toFixed(3)} s`), el("text", { x: 730, y: height + 15, class: "end" }, `${all.to.toFixed(3)} s`));
  return [el("h3", {}, name), el("div", { class: "wide", role: "region", tabindex: 0, "aria-label": name }, drawn)];
}

/** Bars of the client upwards and of the server downwards. */
function chart(/** @type {Bag} */ all, /** @type {string} */ name, /** @type {string} */ unit, /** @type {(one: Bag) => number[]} */ value) {
  const most = Math.max(...all.columns.flatMap(value), 0), half = 60;
  const size = (/** @type {number} */ of) => of > 0 ? Math.max(1, of / most * half) : 0;
  return frameOf(all, name, `${short.format(most)} ${unit}`, half * 2, (left, wide) => [
    el("text", { x: 0, y: half - 6 }, "client ▲"), el("text", { x: 0, y: half + 16 }, "server ▼"), el("line", { class: "life", x1: left, x2: 730, y1: half, y2: half }),
    all.columns.flatMap((/** @type {Bag} */ one, /** @type {number} */ at) => value(one).map((of, side) => of > 0 && el("rect", { class: side ? "server" : "client", x: left + wide * at, width: wide, y: side ? half : half - size(of), height: size(of) }))).filter(Boolean)]);
}

/** The longest round trip of each column, higher for longer. */
function trips(/** @type {Bag} */ all) {
  const most = Math.max(...all.columns.map((/** @type {Bag} */ one) => one.trip?.took ?? 0)), height = 80;
  if (!most) return el("p", { class: "faint" }, "No round trip was seen: no ping with its pong, no call with its answer.");
  return frameOf(all, "Round trips: the longest of each column", took(most), height, (left, wide) =>
    all.columns.map((/** @type {Bag} */ one, /** @type {number} */ at) => one.trip && el("rect", { class: "trip", x: left + wide * at, width: Math.max(wide, 3), y: (height - 4) * (1 - one.trip.took / most), height: 4 })).filter(Boolean));
}
