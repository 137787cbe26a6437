// node janus_talk.cjs PORT: a Janus gateway and a client of few words (its own library wants a browser with media). The log is what the
// client makes of and into JSON.
const { WebSocket } = require('ws');
const { wait } = require('./said.cjs');
const { watchJson } = require('./json_said.cjs');
watchJson((message) => (message.janus === undefined ? undefined : {
  protocol: 'janus',
  fields: {
    'janus.type': message.janus, ...(message.transaction !== undefined && { 'janus.transaction': message.transaction }),
    ...(message.session_id !== undefined && { 'janus.session_id': message.session_id }), ...(message.error && { 'janus.error.code': message.error.code }),
  },
}));
const port = process.argv[2];
const socket = new WebSocket(`ws://127.0.0.1:${port}/janus`, 'janus-protocol');
const waiting = new Map();
socket.on('message', (text) => {
  const message = JSON.parse(text.toString());
  if (message.janus !== 'ack') waiting.get(message.transaction)?.(message);
});
let number = 0;
function ask(janus, more = {}, secret = 'sesame-4711') {
  const transaction = `t${++number}`;
  socket.send(JSON.stringify({ janus, transaction, apisecret: secret, ...more }));
  return Promise.race([new Promise((resolve) => waiting.set(transaction, resolve)), wait(500).then(() => ({}))]);
}
socket.on('open', async () => {
  await ask('ping');
  await ask('create', {}, 'wrong-0000');
  const { data: { id: session_id } } = await ask('create');
  const { data: { id: handle_id } } = await ask('attach', { session_id, plugin: 'janus.plugin.echotest' });
  await ask('message', { session_id, handle_id, body: { audio: true, video: false } });
  await ask('message', { session_id, handle_id, body: { nonsense: 'Grüße' } });
  await ask('keepalive', { session_id });
  await ask('trickle', { session_id, handle_id, candidate: { completed: true } });
  await ask('attach', { session_id, plugin: 'janus.plugin.nosuch' });
  await ask('no such', { session_id });
  await ask('detach', { session_id, handle_id });
  await ask('destroy', { session_id });
  await ask('create');
  socket.send('{"janus":');
  // The session's time-out is two seconds.
  await wait(3500);
  socket.close(1000);
  await wait(200);
  process.exit(0);
});
