// @ts-check
// Two captures of one hop, or two attempts of one capture, side by side.

/** What the last comparison said, until another capture is opened. */
let compared = "";

async function compare() {
  const compareWith = async (/** @type {Bag} */ what) => {
    say("comparing…");
    const { blob } = await ask({ do: "begin-print", format: "compare", redact: $("compare-redact").checked, ...what });
    compared = await blob.text();
    say("compared");
    $("comparison")?.replaceChildren(shownComparison());
  };
  const withFiles = async () => {
    const all = [...$("other").files];
    if (!all.length) return say("choose the other capture first");
    const { keys, files, names } = await sorted(all, all.map((file) => file.name));
    if (!files.length) return say("that is a key log: choose the capture, too");
    return compareWith({ others: files, names, keys: keys.length ? keys.join("\n") : null, open_is: $("open-is").value });
  };
  draw(el("h2", {}, "Compare"),
    el("p", {}, "A capture from the client's side of a hop and one from the server's: which connections belong together, what the hop changed, and where one ended first."),
    el("p", { class: "bar" }, el("label", {}, "The other capture ", el("input", { id: "other", type: "file", multiple: true })),
      el("label", {}, "the open one is from the ", el("select", { id: "open-is" }, el("option", { value: "client" }, "client's side"), el("option", { value: "server" }, "server's side"))), button("Compare the captures", withFiles)),
    el("p", { class: "bar" }, el("label", {}, "Or two connections of this one: ", el("input", { id: "one", type: "number", min: 1, value: 1 })), el("label", {}, "and ", el("input", { id: "two", type: "number", min: 1, value: 2 })),
      button("Compare the connections", () => compareWith({ one: Number($("one").value), other: Number($("two").value) }))),
    el("p", {}, el("label", {}, el("input", { id: "compare-redact", type: "checkbox" }), " mask credentials and payloads")),
    el("div", { id: "comparison" }, compared && shownComparison()));
}
const shownComparison = () => el("pre", { id: "compared", tabindex: 0 }, compared);
