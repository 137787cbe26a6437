// Like ../endpoints/watch_ws.cjs for npm `websocket-driver` (under faye-websocket, sockjs, faye): logs what each driver sends and
// receives, before compression and after it is undone. Required before the program by stage.py.
const Module = require('node:module');

const opened = (globalThis[Symbol.for('watched sockets')] ??= { client: 0, server: 0 });
const KINDS = { 1: 'text', 2: 'binary', 8: 'close', 9: 'ping', 10: 'pong' };
const patched = new WeakSet();
const load = Module._load;
Module._load = function (request, parent, main) {
  const exports = load.call(this, request, parent, main);
  if (/(^|\/)hybi$/.test(request) && /websocket\/driver$/.test(parent?.path ?? '') && !patched.has(exports)) patch(exports);
  return exports;
};

function log(driver, sent, kind, data) {
  const observer = driver._masking ? 'client' : 'server';
  const connection = (driver[Symbol.for('watched connection')] ??= ++opened[observer]);
  const side = sent === (observer === 'client') ? 'client' : 'server';
  globalThis[Symbol.for('watched message')]?.({ observer, connection, side, kind, data: Buffer.from(data ?? '') });
  process.stdout.write(JSON.stringify({ observer, connection, side, kind, base64: Buffer.from(data ?? '').toString('base64') }) + '\n');
}

function patch(Hybi) {
  patched.add(Hybi);
  const { frame, emit, _emitFrame } = Hybi.prototype;
  Hybi.prototype.frame = function (buffer, type, code) {
    // Before the handshake the call is queued and comes again.
    if (this.readyState === 1 || this.readyState === 2) {
      const kind = type || (typeof buffer === 'string' || typeof buffer === 'number' ? 'text' : 'binary');
      const body = Buffer.from(typeof buffer === 'number' ? String(buffer) : buffer);
      log(this, true, kind, code ? Buffer.concat([Buffer.from([code >> 8, code & 255]), body]) : body);
    }
    return frame.call(this, buffer, type, code);
  };
  Hybi.prototype.emit = function (name, event) {
    if (name === 'message') log(this, false, typeof event.data === 'string' ? 'text' : 'binary', event.data);
    return emit.apply(this, arguments);
  };
  Hybi.prototype._emitFrame = function (buffer) {
    const { _frame: it } = this;
    const before = it.opcode >= 8 ? Buffer.from(buffer) : undefined;
    if (before && it.maskingKey?.length) for (let n = 0; n < before.length; n++) before[n] ^= it.maskingKey[n % 4];
    if (before) log(this, false, KINDS[it.opcode], before);
    return _emitFrame.call(this, buffer);
  };
}
