// @ts-check
// Runs the core beside the page: files are read by slices where they are, and a step at a time, so that a question or
// a cancel is answered between two steps.
"use strict";

/** The files that are open, and behind them those that they are compared with. @type {Blob[]} */
let files = [];
/** How many of them are open. */
let open = 0;
/** @type {any} */
let core = null;
let reading = 0;
/** When somebody asked last. */
let asked = -Infinity;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Bytes of a file, into the module's memory. */
function read(/** @type {number} */ file, /** @type {number} */ at, /** @type {number} */ to, /** @type {number} */ length) {
  try {
    const slice = files[file].slice(at, at + length);
    // @ts-ignore: only workers have it
    const bytes = new Uint8Array(new FileReaderSync().readAsArrayBuffer(slice));
    new Uint8Array(core.memory.buffer, to, bytes.length).set(bytes);
    return bytes.length;
  } catch {
    return -1;
  }
}

/** The answer to a request as bytes. */
function ask(/** @type {object} */ request) {
  const bytes = encoder.encode(JSON.stringify(request));
  // The memory may grow in any call, which leaves the buffer from before it empty.
  const to = core.room(bytes.length);
  new Uint8Array(core.memory.buffer, to, bytes.length).set(bytes);
  const length = core.call();
  return new Uint8Array(core.memory.buffer, core.answer(), length).slice();
}

/** The answer to a request. */
function call(/** @type {object} */ request) {
  return JSON.parse(decoder.decode(ask(request)));
}

/** Reads on for a moment, says how far it is, and lets questions in. */
function go(/** @type {number} */ which) {
  if (which !== reading) return;
  // Whoever asked something asks on, likely: that comes first.
  const rest = asked + 12 - performance.now();
  if (rest > 0) return setTimeout(go, rest, which);
  const until = performance.now() + 24;
  let progress;
  do progress = call({ do: "step" });
  while (!progress.over && performance.now() < until);
  postMessage({ progress });
  if (!progress.over || progress.decoding) setTimeout(go, 0, which);
}

/** Files as the core knows them: by their place. */
function named(/** @type {Blob[]} */ all, /** @type {string[] | undefined} */ names) {
  return all.map((file, at) => ({ name: names?.[at] ?? "capture", size: file.size }));
}

/** Rows in a format, or a comparison, in pieces. */
function print(/** @type {any} */ request) {
  if (request.others) files = [...files.slice(0, open), ...request.others];
  const begun = call(request.others ? { ...request, others: named(request.others, request.names) } : request);
  if (begun?.error) return begun;
  const pieces = [];
  for (;;) {
    const piece = ask({ do: "print" });
    if (piece[0] === 2) return { error: decoder.decode(piece.subarray(1)) };
    pieces.push(piece.subarray(1));
    if (piece[0] === 0) break;
  }
  return { blob: new Blob(pieces) };
}

onmessage = async (event) => {
  const { id, request } = event.data;
  asked = performance.now();
  try {
    if (request.do === "start") {
      const packed = Uint8Array.from(atob(request.core), (c) => c.charCodeAt(0));
      const module = await WebAssembly.instantiate(unpacked(packed), { page: { read } });
      core = module.instance.exports;
      return postMessage({ id, answer: {} });
    }
    if (request.do === "open" || request.do === "open-lab") {
      if (request.files) files = request.files;
      open = files.length;
      const answer = call({ ...request, files: named(files, request.names) });
      reading += 1;
      postMessage({ id, answer });
      if (!answer.error) go(reading);
      return;
    }
    const answer = request.do === "begin-print" ? print(request) : call(request);
    postMessage({ id, answer });
  } catch (why) {
    postMessage({ id, answer: { error: `the analysis stopped: ${why}` } });
  }
};
