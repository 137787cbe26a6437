// @ts-check
// Who sent what when, between two lifelines.

/** Whether everything between is drawn too: what was sent again, and silence. */
let inFull = false;

async function ladder() {
  const all = await ask({ do: "ladder", connection: one(), full: inFull });
  const [left, right, step, top] = [190, 640, 26, 50];
  const height = top + step * all.rungs.length + 10;
  const drawn = el("svg", { viewBox: `0 0 740 ${height}`, role: "img", "aria-label": `Ladder of connection ${one() + 1}; the table below says the same` });
  for (const [x, end] of [[left, all.lifelines[0]], [right, all.lifelines[1]]]) {
    drawn.append(el("text", { x, y: 16, class: "mid" }, end.name), el("text", { x, y: 32, class: "mid" }, end.address), el("line", { class: "life", x1: x, x2: x, y1: 40, y2: height }));
  }
  all.rungs.forEach((/** @type {Bag} */ rung, /** @type {number} */ at) => {
    const y = top + step * at + 12;
    const drawing = el("g", rung.row ? { class: "to", onclick: () => go(rung.row) } : {});
    drawn.append(drawing);
    if (rung.time !== null) drawing.append(el("text", { x: 4, y }, rung.time.toFixed(6)), el("text", { x: 120, y }, rung.packet));
    drawing.append(el("text", { class: `mid ${rung.from ? "" : rung.kind}`, x: (left + right) / 2, y }, rung.label.length > 58 ? `${rung.label.slice(0, 57)}…` : rung.label));
    if (!rung.from) return;
    const [from, to, back] = rung.from === "client" ? [left, right, right - 9] : [right, left, left + 9];
    drawing.append(el("line", { x1: from, x2: to, y1: y + 5, y2: y + 5 }), el("polygon", { points: `${to},${y + 5} ${back},${y + 1} ${back},${y + 9}` }));
  });
  const rows = all.rungs.map((/** @type {Bag} */ rung) => [rung.time === null ? "" : rung.time.toFixed(6), rung.packet ?? "", rung.from ?? "", rung.row ? button(rung.label, () => go(rung.row)) : rung.label]);
  draw(el("h2", {}, `Ladder of connection ${one() + 1}`),
    el("p", {}, el("label", {}, el("input", { type: "checkbox", checked: inFull, onchange: () => { inFull = !inFull; show("ladder"); } }), " with what was sent again, and silence")),
    el("div", { class: "wide", role: "region", tabindex: 0, "aria-label": "Drawing" }, drawn), el("details", {}, el("summary", {}, "As a table"), table("Ladder", ["time", "packet", "from", "what"], rows)));
}
