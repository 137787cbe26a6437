// @ts-check
// What somebody typed, explained: frames in hex, heads, keys, codes, names.

let typed = "8185cb6e9f8e830bf3e2a4";
const EXAMPLES = ["8185cb6e9f8e830bf3e2a4", "dGhlIHNhbXBsZSBub25jZQ==", "1006", "upgrade-not-forwarded", "permessage-deflate; client_max_window_bits=10"];

async function explain() {
  const said = el("div", { "aria-live": "polite" });
  const field = el("textarea", { id: "typed", rows: 3, spellcheck: false, autocomplete: "off" });
  const tell = async () => {
    typed = field.value;
    remember();
    // What is typed half is no fault to complain about anywhere else.
    const { lines, why } = await ask({ do: "explain", text: typed });
    said.replaceChildren(lines ? told(lines) : el("p", {}, why));
  };
  field.value = typed;
  field.addEventListener("input", tell);
  draw(el("h2", {}, "Explain"), el("p", {}, el("label", { for: "typed" }, "A frame in hex, a request or response, a Sec-WebSocket-Key, a close code, an opcode, a verdict, a finding, a header or a field:")), field,
    el("p", { class: "bar" }, "For example ", EXAMPLES.map((text) => button(text, () => { field.value = text; tell(); }))), said);
  await tell();
}
