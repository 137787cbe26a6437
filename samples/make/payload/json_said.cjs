// For libraries that speak JSON and have no hook of their own: what each handed to JSON.stringify before it sent the text, and, of a peer
// that is not in this process, what it got from JSON.parse for the text that came.
//
// watchJson(describe): `describe(object, { connection, from })` returns { protocol, fields }, a list of those, or undefined.
const { said } = require('./said.cjs');

const { stringify, parse } = JSON;
const made = new Map();
const understood = new Map();
// Only texts in flight are looked up; a bound keeps the rest from piling up.
function keep(map, text, value) {
  map.set(text, value);
  if (map.size > 500) map.delete(map.keys().next().value);
}

exports.watchJson = (describe) => {
  JSON.stringify = (value, ...rest) => {
    const text = stringify(value, ...rest);
    if (text !== undefined && typeof value === 'object') keep(made, text, value);
    return text;
  };
  JSON.parse = (text, ...rest) => {
    const value = parse(text, ...rest);
    if (typeof value === 'object') keep(understood, String(text), value);
    return value;
  };
  const say = (object, where) => {
    for (const unit of [describe(object, where)].flat()) if (unit) said(where.connection, where.from, unit.protocol, unit.fields);
  };
  const senders = new Set();
  const missed = new Set();
  globalThis[Symbol.for('watched message')] = ({ observer, connection, side: from, kind, data }) => {
    if (kind !== 'text' && kind !== 'binary') return;
    const text = data.toString();
    senders.add(observer);
    if (observer === from) { made.has(text) ? say(made.get(text), { connection, from }) : missed.add(text); return; }
    // The library parses after it has been told of the message. Where both ends are here the sender has said it, as a rule.
    setImmediate(() => {
      const object = made.get(text) ?? understood.get(text);
      if ((!senders.has(from) || missed.delete(text)) && object !== undefined) say(object, { connection, from });
    });
  };
};
