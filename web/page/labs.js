// @ts-check
// Labs: questions beside the panes over the lab's capture, with what would tell the answer covered. The core works the answers
// out, judges what is given, and covers.

/** @type {Bag | null} */
let lesson = null;
/** @type {Bag} */
let question = {};

async function labs() {
  const all = await ask({ do: "labs" });
  const student = el("input", { id: "student", autocomplete: "off", spellcheck: false });
  draw(el("h2", {}, "Labs"), el("p", {}, "Questions with answers that are worked out and checked. Each name gets numbers of its own; the file of results is what a teacher grades."),
    el("p", {}, el("label", { for: "student" }, "Name "), student),
    table("Labs", ["", "what it is about", "minutes", "questions", "points", "standard"], all.map((/** @type {Bag} */ lab) => [
      button("Begin", () => begin(lab.name, student.value.trim()), { "aria-label": `Begin ${lab.title}` }), lab.title, lab.minutes, lab.questions, lab.points, lab.section])));
}
async function begin(/** @type {string} */ name, /** @type {string} */ seed) {
  lesson = { ...await ask({ do: "lab", name, seed }), open: null };
  await turn(0);
  if (!lesson) return;
  if (question.capture === null) await show("labs");
  $("lab").focus();
}
/** Goes to a question, and to the capture that it is about. */
async function turn(/** @type {number} */ at) {
  if (!lesson) return;
  question = await ask({ do: "lab-question", at });
  if (question.capture !== null && question.capture !== lesson.open) await openLab(question.capture);
  if (question.capture !== null) await show("frames");
  if (question.row && isList()) await reveal(question.row);
  posed();
}
/** Opens a capture of the lab, as if it had been dropped. */
async function openLab(/** @type {number} */ capture) {
  if (lesson) lesson.open = capture;
  lastFiles = null;
  await opening(() => ask({ do: "open-lab", capture }));
  await new Promise((resolve) => { whenRead = resolve; });
}
/** Draws the question. */
function posed(/** @type {any} */ said = null) {
  const dock = $("lab");
  dock.hidden = !lesson;
  if (!lesson) return dock.replaceChildren();
  const { at, choices } = question, last = lesson.questions - 1;
  const field = choices.length ? null : el("input", { id: "answer", autocomplete: "off", spellcheck: false });
  const give = (/** @type {string} */ text) => judged({ do: "lab-answer", text });
  const form = el("form", { class: "bar", onsubmit: (/** @type {Event} */ event) => { event.preventDefault(); if (field) give(field.value); } },
    field ? [el("label", { for: "answer" }, question.points_at_bytes ? "Answer (or click the first and the last byte)" : "Answer"), field, el("button", {}, "Check")]
      : choices.map((/** @type {string} */ choice) => button(choice, () => give(choice))),
    button("Hint", () => judged({ do: "lab-hint" })), button("Show the answer", () => judged({ do: "lab-give-up" })));
  const why = question.why && el("p", {}, question.why.text, " ", el("small", {}, question.why.section));
  const files = async (/** @type {string} */ request, /** @type {string} */ kind, /** @type {Bag} */ more = {}) => { const { text, name } = await ask({ do: request, ...more }); save(new Blob([text], { type: kind }), name); };
  dock.replaceChildren(
    el("h2", {}, `${lesson.title}: question ${at + 1} of ${lesson.questions}`, el("small", {}, ` ${question.score}`)),
    at === 0 && !said ? lesson.about.map((/** @type {string} */ text) => el("p", {}, text)) : "",
    lesson.frames.length ? el("pre", { tabindex: 0 }, lesson.frames.join("\n")) : "",
    el("p", {}, el("strong", {}, question.ask), ` (${question.points} points)`),
    question.settled ? "" : form, el("p", { role: "status", class: said?.is ?? "" }, said?.text ?? ""), why ?? "",
    el("p", { class: "bar" }, button("Back", () => turn(at - 1), { disabled: at === 0 }), button("Next", () => turn(at + 1), { disabled: at === last }),
      button("Save the results", () => files("lab-results", "application/json")), button("Sheet to print", () => files("lab-sheet", "text/html")),
      button("End the lab", async () => { lesson = null; await ask({ do: "lab-end" }); posed(); await show("labs"); })));
  if (field && document.activeElement === document.body) field.focus();
}
async function judged(/** @type {Bag} */ request) {
  const answer = await ask(request);
  const was = question.settled;
  if (answer.question) question = answer.question;
  posed({ text: answer.text, is: answer.is ?? "" });
  // What was covered is told now.
  if (question.settled && !was && state.name) { await show(state.view); if (isList() && state.row) await detail(); }
}
/** @type {number | null} */
let firstByte = null;
/** A byte that was clicked while a question asks for bytes. */
function pointed(/** @type {number} */ at) {
  const field = $("answer");
  if (!lesson || !question.points_at_bytes || !field) return;
  if (firstByte === null) { firstByte = at; field.value = String(at); } else { field.value = `${Math.min(firstByte, at)}-${Math.max(firstByte, at)}`; firstByte = null; }
}
