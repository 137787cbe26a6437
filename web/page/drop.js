// @ts-check
// Dropping and choosing files, samples, and what stands inside of the page.

$("choose").addEventListener("click", () => $("file").click());
$("file").addEventListener("change", () => { const files = [...$("file").files]; if (files.length) open(files, files.map((file) => file.name)); });
$("cancel").addEventListener("click", () => ask({ do: "stop" }));
document.addEventListener("dragover", (event) => { event.preventDefault(); document.body.classList.add("over"); });
document.addEventListener("dragleave", () => document.body.classList.remove("over"));
document.addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("over");
  const files = [...(event.dataTransfer?.files ?? [])];
  if (files.length) open(files, files.map((file) => file.name));
});
window.addEventListener("hashchange", () => { wanted = fragment(); if (state.name) arrived(); else beginning(); });

/** @type {{name: string, about: string, files: {name: string, data: string}[]}[]} */
const samples = JSON.parse(island("sample-data") || "[]");
samples.forEach((sample, at) => $("samples").append(el("option", { value: at }, `${sample.name}: ${sample.about}`)));
const openIsland = (/** @type {any} */ sample) => open(sample.files.map((/** @type {any} */ file) => new Blob([decode(file.data)])), sample.files.map((/** @type {any} */ file) => file.name));
$("samples").addEventListener("change", () => { const sample = samples[Number($("samples").value)]; if ($("samples").value !== "") openIsland(sample); });
const embedded = JSON.parse(island("capture") || "null");
if (embedded) openIsland(embedded);

/** What the address asks for where no capture is open. */
async function beginning() {
  await started;
  if (wanted.text) typed = wanted.text;
  if (!embedded && VIEWS[wanted.view]?.alone) await show(wanted.view);
}
beginning();
