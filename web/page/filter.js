// @ts-check
// The display filter: what is wrong in it is marked where it stands, and what can be typed next is offered.

const input = $("filter");
let chosen = -1;
/** @type {Bag[]} */
let completions = [];
async function check() {
  const { error, completions: found } = await ask({ do: "check", filter: input.value, cursor: input.selectionStart });
  input.setAttribute("aria-invalid", String(!!error));
  const text = input.value;
  $("filter-error").replaceChildren(...(error ? [text.slice(0, error.from), el("mark", {}, text.slice(error.from, Math.max(error.to, error.from + 1)) || " "), text.slice(Math.max(error.to, error.from + 1)), `\n${error.message}`] : []));
  completions = document.activeElement === input ? found : [];
  chosen = -1;
  complete();
  return !error;
}
function complete() {
  $("completions").hidden = !completions.length;
  input.setAttribute("aria-expanded", String(!!completions.length));
  $("completions").replaceChildren(...completions.map((one, at) => el("li", { role: "option", id: `completion-${at}`, "aria-selected": at === chosen, onmousedown: (/** @type {Event} */ event) => { event.preventDefault(); take(at); } }, one.text, " ", el("small", {}, one.note))));
  if (chosen >= 0) input.setAttribute("aria-activedescendant", `completion-${chosen}`); else input.removeAttribute("aria-activedescendant");
}
function take(/** @type {number} */ at) {
  const one = completions[at];
  input.setRangeText(one.text, one.from, one.to, "end");
  check();
}
input.addEventListener("input", check);
input.addEventListener("blur", () => { completions = []; complete(); });
input.addEventListener("keydown", async (/** @type {KeyboardEvent} */ event) => {
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    if (!completions.length) return;
    event.preventDefault();
    chosen = (chosen + (event.key === "ArrowDown" ? 1 : -1) + completions.length) % completions.length;
    complete();
  } else if (event.key === "Tab" && completions.length && !event.shiftKey && input.value) {
    event.preventDefault();
    take(Math.max(chosen, 0));
  } else if (event.key === "Enter") {
    if (chosen >= 0) return take(chosen);
    if (!(await check())) return;
    completions = [];
    complete();
    state.filter = input.value;
    await show(isList() ? state.view : "frames");
    $("list").focus();
  } else if (event.key === "Escape") {
    completions = [];
    complete();
    $("list").focus();
  }
});
$("scope").addEventListener("change", () => {
  const number = Number($("scope").value);
  scope(number >= 1 && number <= state.connections ? number - 1 : null, state.view);
});
