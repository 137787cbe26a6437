// node phoenix_talk.cjs PORT VSN(1.0.0|2.0.0): Phoenix channels. The client is npm phoenix; the server is a few lines here (Phoenix itself
// cannot be installed from a registry), which lays out its binary frames as Phoenix.Socket.V2.JSONSerializer does. The log is what
// the client's serialiser is given and gives.
const { WebSocketServer, WebSocket } = require('ws');
const { Socket } = require('phoenix');
const { said, wait } = require('./said.cjs');

const [port, vsn] = process.argv.slice(2);

function say(from, message) {
  const fields = { 'phoenix.topic': message.topic, 'phoenix.event': message.event };
  const put = (name, value) => { if (value !== undefined && value !== null) fields[name] = value; };
  put('phoenix.ref', message.ref);
  put('phoenix.join_ref', message.join_ref);
  put('phoenix.status', message.payload?.status);
  said(connections, from, 'phoenix', fields);
}

// --- the server ---
const sized = (...words) => Buffer.concat([Buffer.from(words.map((word) => Buffer.byteLength(word))), Buffer.from(words.join(''))]);
const frames = {
  push: (joinRef, topic, event, data) => Buffer.concat([Buffer.from([0]), sized(joinRef, topic, event), data]),
  reply: (joinRef, ref, topic, status, data) => Buffer.concat([Buffer.from([1]), sized(joinRef, ref, topic, status), data]),
  broadcast: (topic, event, data) => Buffer.concat([Buffer.from([2]), sized(topic, event), data]),
};
function serve(socket) {
  const send = (joinRef, ref, topic, event, payload) =>
    socket.send(JSON.stringify(vsn === '1.0.0' ? { topic, event, payload, ref } : [joinRef, ref, topic, event, payload]));
  socket.on('message', (data, binary) => {
    if (binary) {
      const [, joinLength, refLength, topicLength, eventLength] = data;
      let at = 5;
      const [joinRef, ref, topic] = [joinLength, refLength, topicLength, eventLength].map((length) => data.subarray(at, (at += length)).toString());
      const body = data.subarray(at);
      socket.send(frames.reply(joinRef, ref, topic, 'ok', body));
      socket.send(frames.push(joinRef, topic, 'picture', body));
      socket.send(frames.broadcast(topic, 'picture', Buffer.concat([body, body])));
      return;
    }
    const message = JSON.parse(data.toString());
    const [joinRef, ref, topic, event, payload] = vsn === '1.0.0' ? [null, message.ref, message.topic, message.event, message.payload] : message;
    const reply = (status, response) => send(joinRef, ref, topic, 'phx_reply', { status, response });
    if (topic === 'phoenix') return reply('ok', {});
    if (event === 'phx_join') {
      if (payload.token === 'wrong-0000') return reply('error', { reason: 'unauthorized' });
      reply('ok', { user: 'ada' });
      return send(joinRef, null, topic, 'presence_state', { ada: { metas: [{ phx_ref: 'F1' }] } });
    }
    if (event === 'phx_leave') { reply('ok', {}); return send(joinRef, ref, topic, 'phx_close', {}); }
    if (event === 'crash') return send(joinRef, joinRef, topic, 'phx_error', {});
    if (event === 'shout') { send(null, null, topic, 'shout', payload); return undefined; }
    return reply(event === 'fail' ? 'error' : 'ok', { echo: payload });
  });
}
new WebSocketServer({ port: Number(port), host: '127.0.0.1', path: '/socket/websocket', handleProtocols: (offered) => (offered.has('phoenix') ? 'phoenix' : false) })
  .on('connection', serve);

// --- the client ---
let connections = 0;
function open(parameters) {
  connections++;
  const socket = new Socket(`ws://127.0.0.1:${port}/socket`, {
    transport: WebSocket, vsn, heartbeatIntervalMs: 250, params: { user: 'ada' }, reconnectAfterMs: () => 60_000, rejoinAfterMs: () => 60_000, ...parameters,
    ...(vsn === '1.0.0' && { encode: (message, done) => done(JSON.stringify(message)), decode: (text, done) => done(JSON.parse(text)) }),
  });
  const { encode, decode } = socket;
  socket.encode = (message, done) => { say('client', message); encode(message, done); };
  socket.decode = (data, done) => decode(data, (message) => { say('server', message); done(message); });
  socket.connect();
  return new Promise((resolve) => socket.onOpen(() => resolve(socket)));
}
const answer = (push) => new Promise((resolve) => { for (const status of ['ok', 'error', 'timeout']) push.receive(status, resolve); });

async function main() {
  const socket = await open({ authToken: 'sesame-4711' });
  const room = socket.channel('room:lobby', { token: 'sesame-4711' });
  room.on('shout', () => {});
  await answer(room.join());
  await answer(socket.channel('room:secret', { token: 'wrong-0000' }).join());
  await answer(room.push('save', { text: 'Grüße, 世界', list: [1, null, true] }));
  await answer(room.push('fail', {}));
  const shouted = new Promise((resolve) => room.on('shout', resolve));
  room.push('shout', { text: 'hello everyone' });
  await shouted;
  if (vsn === '2.0.0') await answer(room.push('picture', Uint8Array.from([0, 1, 2, 254, 255]).buffer));
  await wait(350);
  await answer(room.leave());
  const other = socket.channel('room:other', {});
  await answer(other.join());
  other.push('crash', {});
  await wait(100);
  socket.disconnect(() => {}, 1000, 'done');
  await wait(150);
  process.exit(0);
}
main();
