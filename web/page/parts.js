// @ts-check
// What every view is made of. No text ever becomes markup: elements are made by name, and what the wire said is put into
// text nodes only. All files of this folder are one script, in the order that assemble.py says.
"use strict";

/** @typedef {Record<string, any>} Bag */

const $ = (/** @type {string} */ id) => /** @type {any} */ (document.getElementById(id));

const SVG = new Set(["svg", "line", "polygon", "polyline", "rect", "text", "g"]);

/** An element with properties and children; strings become text. */
function el(/** @type {string} */ name, /** @type {Bag} */ props = {}, /** @type {any[]} */ ...children) {
  const made = SVG.has(name) ? document.createElementNS("http://www.w3.org/2000/svg", name) : document.createElement(name);
  for (const [key, value] of Object.entries(props)) {
    if (value === null || value === undefined || (value === false && !key.startsWith("aria-"))) continue;
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else made.setAttribute(key, value === true && !key.startsWith("aria-") ? "" : String(value));
  }
  made.append(...children.flat(3).filter((child) => child !== null && child !== undefined && child !== false).map((child) => child instanceof Node ? child : String(child)));
  return /** @type {any} */ (made);
}

const button = (/** @type {any} */ text, /** @type {() => any} */ onclick, /** @type {Bag} */ props = {}) => el("button", { type: "button", onclick, ...props }, text);
const badge = (/** @type {string} */ severity) => el("span", { class: `badge ${severity}` }, severity);

/** A table that can be scrolled sideways where it is too wide. */
function table(/** @type {string} */ caption, /** @type {string[]} */ head, /** @type {any[][]} */ rows) {
  return el("div", { class: "wide", role: "region", tabindex: 0, "aria-label": caption }, el("table", {}, el("caption", {}, caption),
    el("thead", {}, el("tr", {}, head.map((name) => el("th", { scope: "col" }, name)))),
    el("tbody", {}, rows.map((row) => el("tr", {}, row.map((cell) => el("td", {}, cell)))))));
}

/** Lines whose parts have roles, as the core says them everywhere. */
function told(/** @type {[string, string][][]} */ lines) {
  return el("pre", { class: "told", tabindex: 0 }, lines.map((line) => [line.map(([role, text]) => role === "plain" ? text : el("span", { class: role }, text)), "\n"]));
}

/** Fills the view that is no list. */
const draw = (/** @type {any[]} */ ...parts) => $("view").replaceChildren(...parts.flat(3).filter(Boolean));
const say = (/** @type {string} */ text) => { $("status").textContent = text; };
const island = (/** @type {string} */ id) => $(id)?.textContent ?? "";
const decode = (/** @type {string} */ base64) => Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
const bits = (/** @type {number} */ byte) => byte.toString(2).padStart(8, "0");
const hex = (/** @type {number} */ byte) => byte.toString(16).padStart(2, "0");

/** Gives a file to whoever looks. */
function save(/** @type {Blob} */ blob, /** @type {string} */ name) {
  const link = el("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1e4);
}
