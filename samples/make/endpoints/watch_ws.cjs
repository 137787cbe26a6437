// node --require watch_ws.cjs PROGRAM: logs what every npm `ws` socket of the program sends and receives, as the library's
// own sender and receiver handle it (before compression, after it is undone). One JSON line a message on stdout.
const Module = require('node:module');

const opened = (globalThis[Symbol.for('watched sockets')] ??= { client: 0, server: 0 });
const patched = new WeakSet();
const load = Module._load;
Module._load = function (request, parent, main) {
  const exports = load.call(this, request, parent, main);
  if (/(^|\/)websocket(\.js)?$/i.test(request) && /\/ws(\/lib)?$/.test(parent?.path ?? '')) patch(exports.WebSocket ?? exports);
  return exports;
};

function patch(WebSocket) {
  if (patched.has(WebSocket) || !WebSocket.prototype?.setSocket) return;
  patched.add(WebSocket);
  const setSocket = WebSocket.prototype.setSocket;
  WebSocket.prototype.setSocket = function (socket, ...rest) {
    // `open` is emitted inside setSocket, when sender and receiver exist and before the program can send anything.
    this.prependOnceListener('open', () => watch(this, this._isServer ? 'server' : 'client'));
    setSocket.call(this, socket, ...rest);
  };
}

function log(observer, connection, side, kind, data) {
  const base64 = Buffer.from(data ?? '').toString('base64');
  globalThis[Symbol.for('watched message')]?.({ observer, connection, side, kind, data: Buffer.from(data ?? '') });
  process.stdout.write(JSON.stringify({ observer, connection, side, kind, base64 }) + '\n');
}

function closeBody(code, reason) {
  return code === undefined || code === 1005 ? Buffer.alloc(0) : Buffer.concat([Buffer.from([code >> 8, code & 255]), Buffer.from(reason ?? '')]);
}

function watch(socket, observer) {
  const connection = ++opened[observer];
  socket[Symbol.for('watched connection')] = connection;
  const other = observer === 'client' ? 'server' : 'client';
  const { _receiver: receiver, _sender: sender } = socket;
  receiver.prependListener('message', (data, binary) => log(observer, connection, other, binary ?? typeof data !== 'string' ? 'binary' : 'text', data));
  receiver.prependListener('ping', (data) => log(observer, connection, other, 'ping', data));
  receiver.prependListener('pong', (data) => log(observer, connection, other, 'pong', data));
  receiver.prependListener('conclude', (code, reason) => log(observer, connection, other, 'close', closeBody(code, reason)));
  for (const kind of ['ping', 'pong']) {
    const method = sender[kind];
    sender[kind] = function (data, ...rest) { log(observer, connection, observer, kind, data); return method.call(this, data, ...rest); };
  }
  const { send, close } = sender;
  sender.send = function (data, options, ...rest) {
    log(observer, connection, observer, options.binary ? 'binary' : 'text', data);
    return send.call(this, data, options, ...rest);
  };
  sender.close = function (code, reason, ...rest) {
    log(observer, connection, observer, 'close', closeBody(code, reason));
    return close.call(this, code, reason, ...rest);
  };
}
