// @ts-check
// What was said in one connection, as the two sides said it.

/** The connection that views of one connection are about. */
const one = () => state.connection ?? 0;

async function chat() {
  const connection = one();
  const fetch = async (/** @type {number} */ from, /** @type {number} */ count) => (await ask({ do: "chat", connection, from, count })).said;
  const { len } = await ask({ do: "chat", connection, from: 0, count: 0 });
  draw(el("h2", {}, `Conversation of connection ${connection + 1}`), el("p", { class: "faint" }, len === 0 ? "No message was seen." : `${len} messages`),
    len ? feed(`Conversation of connection ${connection + 1}`, len, fetch, (said) => el("article", { class: `said ${said.from}` },
      button(said.title, () => go(said.id)), said.summary && el("p", { class: "mono" }, said.summary), el("pre", {}, said.text))) : null);
}
