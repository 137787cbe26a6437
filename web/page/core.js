// @ts-check
// The way to the core, which runs in a worker: questions by number, answers by the same number, progress unasked.

const worker = new Worker(URL.createObjectURL(new Blob([island("worker")], { type: "text/javascript" })));
/** @type {Map<number, (answer: any) => void>} */
const waiting = new Map();
let asked = 0;
worker.onmessage = (/** @type {MessageEvent} */ { data }) => {
  if (data.progress) return progressed(data.progress);
  waiting.get(data.id)?.(data.answer);
  waiting.delete(data.id);
};

/** An error that was said where people look. */
class Said extends Error {}
window.addEventListener("unhandledrejection", (event) => { if (event.reason instanceof Said) event.preventDefault(); });

/** Asks the core once it is there; an answer with `error` is said and thrown. */
const ask = (/** @type {Bag} */ request) => started.then(() => send(request));
function send(/** @type {Bag} */ request) {
  const id = ++asked;
  worker.postMessage({ id, request });
  return new Promise((resolve, reject) => waiting.set(id, (answer) => {
    if (answer?.error && request.do !== "check") { say(answer.error); reject(new Said(answer.error)); } else resolve(answer);
  }));
}
const started = send({ do: "start", core: island("core") });
