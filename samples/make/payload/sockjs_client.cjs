// node sockjs_client.cjs PORT: sockjs-client with a server that is not in this process. The log is what the client hands on of each frame.
const SockJS = require('sockjs-client');
const { said, wait } = require('./said.cjs');

const port = process.argv[2];
const { _transportMessage, _open, _close, dispatchEvent, send } = SockJS.prototype;
let unit;
SockJS.prototype._open = function () { unit = { 'sockjs.type': 'open' }; return _open.call(this); };
SockJS.prototype._close = function (code, reason, clean) {
  if (clean && !unit) unit = { 'sockjs.type': 'close', 'sockjs.close.code': code, 'sockjs.close.reason': reason };
  return _close.call(this, code, reason, clean);
};
SockJS.prototype.dispatchEvent = function (event) {
  if (event.type === 'heartbeat') unit = { 'sockjs.type': 'heartbeat' };
  if (event.type === 'message') (unit ??= { 'sockjs.type': 'message', 'sockjs.message': [] })['sockjs.message'].push(event.data);
  return dispatchEvent.call(this, event);
};
SockJS.prototype._transportMessage = function (text) {
  unit = undefined;
  // A close is told to the program within, so what is said of it comes first.
  const done = _transportMessage.call(this, text);
  if (unit) said(1, 'server', 'sockjs', unit);
  return done;
};
SockJS.prototype.send = function (data) { said(1, 'client', 'sockjs', { 'sockjs.type': 'message', 'sockjs.message': [String(data)] }); return send.call(this, data); };

const socket = new SockJS(`http://127.0.0.1:${port}/echo`, null, { transports: 'websocket' });
const event = (name) => new Promise((resolve) => { socket[name] = resolve; });
event('onopen').then(async () => {
  for (const text of ['hello', 'Grüße, 世界', '{"type":"chat"}']) { socket.send(text); await event('onmessage'); }
  socket.send('several');
  await wait(1000);
  socket.send('leave');
  await event('onclose');
  await wait(100);
  process.exit(0);
});
