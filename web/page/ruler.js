// @ts-check
// The bits of one frame: the header as the standard draws it, and the masking byte by byte.

async function ruler() {
  const all = await ask({ do: "ruler", row: state.row ?? "f0" });
  const body = el("tbody");
  const last = all.parts.at(-1);
  const rows = Math.ceil((last.first + last.len) / 32);
  for (let row = 0; row < rows; row++) {
    const line = el("tr");
    for (const part of all.parts) {
      const from = Math.max(part.first, row * 32), to = Math.min(part.first + part.len, row * 32 + 32);
      if (from >= to) continue;
      let sent = "";
      for (let bit = from; bit < to; bit++) sent += (all.sent[bit >> 3] >> (7 - (bit & 7))) & 1;
      line.append(el("td", { colspan: to - from }, part.label, el("br"), el("span", { class: "bits" }, sent)));
    }
    body.append(line);
  }
  const masking = all.masking && [el("h3", {}, "Masking (RFC 6455 5.3): byte i is sent XORed with byte i mod 4 of the key"),
    table("Masked bytes", ["i", "sent", "key", "plain", ""], all.masking.bytes.map((/** @type {Bag} */ byte, /** @type {number} */ at) => {
      const key = all.masking.key[at % 4];
      return [at, `${hex(byte.sent)} ${bits(byte.sent)}`, `${hex(key)} ${bits(key)}`, `${hex(byte.plain)} ${bits(byte.plain)}`, byte.text].map((text) => el("code", {}, text));
    }))];
  draw(el("h2", {}, `${all.title}, from the ${all.from}`), el("div", { class: "wide", role: "region", tabindex: 0, "aria-label": "Header" }, el("table", { class: "ruler" }, el("caption", {}, "The header, 32 bits a row"), body)),
    table("Fields", ["field", "bits", "value"], all.parts.map((/** @type {Bag} */ part) => [part.label, el("code", {}, part.bits), part.value])),
    masking ?? el("p", {}, "Not masked: only clients mask."));
}
