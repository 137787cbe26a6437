// @ts-check
// Figures of the whole capture.

async function statistics() {
  const all = await ask({ do: "statistics" });
  draw(el("h2", {}, "Statistics"), el("pre", { tabindex: 0 }, all.text));
}
