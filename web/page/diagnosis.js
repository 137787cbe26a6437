// @ts-check
// What failed, where, and what to do about it: the worst first.

async function diagnosis() {
  const fetch = async (/** @type {number} */ from, /** @type {number} */ count) => (await ask({ do: "diagnosis", from, count })).attempts;
  const { title, len, more } = await ask({ do: "diagnosis", from: 0, count: 0, fresh: true });
  draw(el("h2", {}, title), len ? feed("Attempts", len, fetch, attempt) : null, more.map((/** @type {string} */ text) => el("p", {}, text)));
}
function attempt(/** @type {Bag} */ one) {
  const into = (/** @type {string} */ view) => button(VIEWS[view].title, () => scope(one.connection - 1, view));
  return el("article", { class: "attempt" },
    el("h3", {}, badge(one.severity), ` ${one.client} → ${one.server}: ${one.sentence}`),
    one.stage && el("dl", {},
      el("dt", {}, "Stage"), el("dd", {}, `${one.stage}: ${one.verdict} (${one.confidence})`),
      el("dt", {}, "Means"), el("dd", {}, one.meaning),
      one.fix && [el("dt", {}, "Fix"), el("dd", {}, el("strong", {}, one.fix))],
      el("dt", {}, "Evidence"), el("dd", {}, one.evidence.map((/** @type {Bag} */ seen) => el("div", { class: "mono" }, seen.packet ? `packet ${seen.packet}: ` : "", seen.text))),
      one.source && [el("dt", {}, "Source"), el("dd", {}, one.source)]),
    one.connection && el("div", { class: "bar" }, into("frames"), into("chat"), into("ladder")));
}
