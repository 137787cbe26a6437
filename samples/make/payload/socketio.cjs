// node socketio.cjs PORT GENERATION MODE [PARSER]: a conversation in Socket.IO 2 or 4, both ends in this process.
// MODE: upgrade (long polling first), polled (with events before the upgrade), websocket, or silent (the client stops answering pings).
const http = require('node:http').createServer();
const { watchEncoder, watchPolling, watchTransport } = require('./engineio_said.cjs');
const { wait } = require('./said.cjs');

const [port, generation, mode, parserName] = process.argv.slice(2);
const old = generation === '2';
const { createRequire } = require('node:module');
const modules = process.env.NODE_PATH;
const from = (name) => createRequire(`${modules}/${name}/package.json`);
const server = old ? require('socket.io-v2') : require('socket.io').Server;
const client = old ? require('socket.io-client-v2') : require('socket.io-client').io;
const parser = parserName && require(parserName);
if (old) {
  watchEncoder(from('socket.io-v2')('socket.io-parser').Encoder);
  watchEncoder(from('socket.io-client-v2')('socket.io-parser').Encoder);
  watchTransport(from('socket.io-v2')('engine.io/lib/transports/websocket'), 'send', 'socket', 'server');
  watchTransport(from('socket.io-client-v2')('engine.io-client/lib/transports/websocket'), 'write', 'ws', 'client');
  watchPolling(from('socket.io-v2')('engine.io/lib/transports/polling'), 'send');
  watchPolling(from('socket.io-client-v2')('engine.io-client/lib/transports/polling'), 'write');
} else {
  watchEncoder((parser ?? require('socket.io-parser')).Encoder);
  watchTransport(require(`${modules}/engine.io/build/transports/websocket.js`).WebSocket, 'send', 'socket', 'server');
  watchTransport(require(`${modules}/engine.io-client/build/cjs/transports/websocket.js`).BaseWS, 'write', 'ws', 'client');
  watchPolling(require(`${modules}/engine.io/build/transports/polling.js`).Polling, 'send');
  watchPolling(require(`${modules}/engine.io-client/build/cjs/transports/polling.js`).Polling, 'write');
}

const options = { ...(parser && { parser }), pingInterval: mode === 'silent' ? 200 : 500, pingTimeout: mode === 'silent' ? 300 : 2000 };
const io = old ? server(http, options) : new server(http, options);
const transports = mode === 'upgrade' || mode === 'polled' ? ['polling', 'websocket'] : ['websocket'];
const url = `http://127.0.0.1:${port}`;

io.on('connection', (socket) => {
  if (mode === 'polled') socket.emit('riddle', 'what is polled?', (answer) => socket.emit('solved', answer));
  socket.on('chat', (text, answer) => { io.emit('chat', { from: socket.handshake.query.name, text }); answer?.('seen', 1); });
  socket.on('upload', (name, data, answer) => answer({ name, size: data.length, head: data.subarray(0, 4) }));
  socket.on('download', (size) => socket.emit('file', { name: 'b.bin', parts: [Buffer.alloc(size, 7), Buffer.from([0, 1, 2, 254, 255])] }));
  socket.on('ask back', () => socket.emit('question', 'how many?', (n) => socket.emit('thanks', n)));
  socket.on('throw out', () => socket.disconnect(true));
});
const admin = io.of('/admin');
admin.use((socket, next) => {
  const token = old ? socket.handshake.query.token : socket.handshake.auth.token;
  if (token === 'sesame-4711') return next();
  const refusal = new Error('not authorised');
  refusal.data = { code: 'E_TOKEN' };
  next(refusal);
});
admin.on('connection', (socket) => {
  socket.on('list', (answer) => answer(['kim', 'lee'], { total: 2, big: 9007199254740991 }));
  socket.on('leave', () => socket.disconnect());
});

function once(socket, event) { return new Promise((resolve) => socket.once(event, resolve)); }
function ask(socket, ...words) { return new Promise((resolve) => socket.emit(...words, (...answer) => resolve(answer))); }

async function talk() {
  const query = { name: 'ada', token: 'sesame-4711' };
  const socket = client(`${url}/`, { transports, parser, query, reconnection: false, forceNew: true });
  if (mode === 'polled') return early(socket);
  await once(socket, 'connect');
  while (socket.io.engine.transport.name !== 'websocket') await wait(10);
  await wait(50);
  if (mode === 'silent') return silent(socket);
  const inNamespace = (token) => socket.io.socket('/admin', old ? { query: { token } } : { auth: { token } });
  await ask(socket, 'chat', 'Grüße, 世界 😀');
  socket.emit('chat', '42 is the answer');
  await once(socket, 'chat');
  await ask(socket, 'upload', 'a.bin', Buffer.from([1, 2, 3, 250, 251, 252]));
  socket.emit('download', 40);
  await once(socket, 'file');
  socket.emit('ask back');
  socket.once('question', (text, answer) => answer(text.length, Buffer.from('bytes in an answer')));
  await once(socket, 'thanks');
  if (!old) {
    const refused = inNamespace('wrong-0000');
    await once(refused, 'connect_error');
    delete socket.io.nsps['/admin'];
  }
  const second = inNamespace('sesame-4711');
  await once(second, 'connect');
  await ask(second, 'list');
  second.emit('leave');
  await once(second, 'disconnect');
  socket.emit('no such event', null, true, -1.5e300, { a: { b: [] } });
  await wait(600);
  socket.emit('chat', 'x'.repeat(300));
  await once(socket, 'chat');
  socket.emit('throw out');
  await once(socket, 'disconnect');
  await wait(100);
  const last = client(`${url}/`, { transports: ['websocket'], parser, query, reconnection: false, forceNew: true });
  await once(last, 'connect');
  last.emit('chat', 'bye');
  await wait(50);
  last.disconnect();
  await wait(150);
  process.exit(0);
}

// What is said before the upgrade goes by polling; the riddle is solved over the WebSocket.
async function early(socket) {
  socket.on('riddle', async (text, answer) => { while (socket.io.engine.transport.name !== 'websocket') await wait(10); answer(text.length); });
  socket.emit('upload', 'early.bin', Buffer.from([1, 2, 3, 250]), (answer) => console.error(answer));
  socket.io.socket('/admin', old ? { query: { token: 'sesame-4711' } } : { auth: { token: 'sesame-4711' } });
  await once(socket, 'solved');
  await ask(socket, 'chat', 'late');
  await wait(600);
  // Both namespaces end with it.
  socket.io.engine.close();
  await wait(150);
  process.exit(0);
}

async function silent(socket) {
  socket.io.engine.transport.write = () => {};
  await once(socket, 'disconnect');
  await wait(150);
  process.exit(0);
}

http.listen(port, '127.0.0.1', talk);
