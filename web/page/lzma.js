// @ts-check
// Unpacks LZMA, as Igor Pavlov's specification has it: the core is a quarter smaller than browsers' own gzip would make it, and
// what has come with the page needs no more than this to be read.

/** The bytes of a file as `xz --format=lzma` makes them, whose header says how many there are. */
function unpacked(/** @type {Uint8Array} */ packed) {
  const size = new DataView(packed.buffer, packed.byteOffset).getUint32(5, true);
  const out = new Uint8Array(size);
  const literalBits = packed[0] % 9, literalPlaces = (1 << Math.floor(packed[0] / 9) % 5) - 1, places = (1 << Math.floor(packed[0] / 45)) - 1;
  // The range coder: its first byte is nothing.
  let at = 14, range = 0xffffffff, code = 0;
  while (at < 18) code = (code << 8 | packed[at++]) >>> 0;

  const fresh = (/** @type {number} */ count) => new Uint16Array(count).fill(1024);
  function bit(/** @type {Uint16Array} */ odds, /** @type {number} */ which) {
    const odd = odds[which], bound = (range >>> 11) * odd;
    let read = 0;
    if (code < bound) {
      range = bound;
      odds[which] = odd + (2048 - odd >> 5);
    } else {
      range -= bound;
      code -= bound;
      odds[which] = odd - (odd >> 5);
      read = 1;
    }
    if (range < 0x1000000) {
      range = range << 8 >>> 0;
      code = (code << 8 | packed[at++]) >>> 0;
    }
    return read;
  }
  /** So many bits, the highest first. */
  function tree(/** @type {Uint16Array} */ odds, /** @type {number} */ from, /** @type {number} */ bits) {
    let read = 1;
    for (let n = 0; n < bits; n++) read = read << 1 | bit(odds, from + read);
    return read - (1 << bits);
  }
  /** So many bits, the lowest first. */
  function reversed(/** @type {Uint16Array} */ odds, /** @type {number} */ from, /** @type {number} */ bits) {
    let read = 1, sum = 0;
    for (let n = 0; n < bits; n++) {
      const one = bit(odds, from + read);
      read = read << 1 | one;
      sum |= one << n;
    }
    return sum;
  }
  const lengths = () => ({ choice: fresh(2), low: fresh(128), middle: fresh(128), high: fresh(256) });
  const length = (/** @type {ReturnType<typeof lengths>} */ of, /** @type {number} */ place) =>
    !bit(of.choice, 0) ? tree(of.low, place << 3, 3) : !bit(of.choice, 1) ? 8 + tree(of.middle, place << 3, 3) : 16 + tree(of.high, 0, 8);

  const isMatch = fresh(192), isAgain = fresh(12), isOlder = fresh(12), isThird = fresh(12), isFourth = fresh(12), isLong = fresh(192);
  const literals = fresh(0x300 * (literalPlaces + 1 << literalBits)), slots = fresh(256), near = fresh(115), align = fresh(16);
  const matched = lengths(), again = lengths();
  let state = 0, [first, second, third, fourth] = [0, 0, 0, 0];
  for (let to = 0; to < size;) {
    const place = to & places;
    if (!bit(isMatch, (state << 4) + place)) {
      const before = to ? out[to - 1] : 0;
      const from = 0x300 * (((to & literalPlaces) << literalBits) + (before >> 8 - literalBits));
      let symbol = 1;
      if (state >= 7) {
        for (let match = out[to - first - 1]; symbol < 0x100; match <<= 1) {
          const likely = match >> 7 & 1, read = bit(literals, from + (1 + likely << 8) + symbol);
          symbol = symbol << 1 | read;
          if (read !== likely) break;
        }
      }
      while (symbol < 0x100) symbol = symbol << 1 | bit(literals, from + symbol);
      out[to++] = symbol;
      state = state < 4 ? 0 : state < 10 ? state - 3 : state - 6;
      continue;
    }
    let count;
    if (bit(isAgain, state)) {
      if (!bit(isOlder, state)) {
        if (!bit(isLong, (state << 4) + place)) {
          state = state < 7 ? 9 : 11;
          out[to] = out[to - first - 1];
          to += 1;
          continue;
        }
      } else if (!bit(isThird, state)) {
        [first, second] = [second, first];
      } else if (!bit(isFourth, state)) {
        [first, second, third] = [third, first, second];
      } else {
        [first, second, third, fourth] = [fourth, first, second, third];
      }
      count = length(again, place);
      state = state < 7 ? 8 : 11;
    } else {
      [second, third, fourth] = [first, second, third];
      count = length(matched, place);
      state = state < 7 ? 7 : 10;
      const slot = tree(slots, Math.min(count, 3) << 6, 6);
      first = slot;
      if (slot >= 4) {
        const bits = (slot >> 1) - 1;
        first = (2 | slot & 1) << bits;
        if (slot < 14) {
          first += reversed(near, first - slot, bits);
        } else {
          let far = 0;
          for (let n = 4; n < bits; n++) {
            range >>>= 1;
            const one = code >= range ? 1 : 0;
            if (one) code -= range;
            far = far << 1 | one;
            if (range < 0x1000000) {
              range = range << 8 >>> 0;
              code = (code << 8 | packed[at++]) >>> 0;
            }
          }
          first += (far << 4) + reversed(align, 0, 4);
        }
      }
    }
    for (const end = Math.min(size, to + count + 2); to < end; to++) out[to] = out[to - first - 1];
  }
  return out;
}
