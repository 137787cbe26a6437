// node engineio.cjs PORT VERSION(3|4): Engine.IO alone, without Socket.IO: texts, binary, heart-beats; in version 3 also binary as base64.
const http = require('node:http').createServer();
const { createRequire } = require('node:module');
const { watchTransport } = require('./engineio_said.cjs');
const { wait } = require('./said.cjs');

const [port, version] = process.argv.slice(2);
const modules = process.env.NODE_PATH;
const from = (name) => createRequire(`${modules}/${name}/package.json`);
const old = version === '3';
const [engine, connect] = old ? [from('socket.io-v2')('engine.io'), from('socket.io-client-v2')('engine.io-client')]
  : [require('engine.io'), (url, options) => new (require('engine.io-client').Socket)(url, options)];
if (old) {
  watchTransport(from('socket.io-v2')('engine.io/lib/transports/websocket'), 'send', 'socket', 'server');
  watchTransport(from('socket.io-client-v2')('engine.io-client/lib/transports/websocket'), 'write', 'ws', 'client');
} else {
  watchTransport(require(`${modules}/engine.io/build/transports/websocket.js`).WebSocket, 'send', 'socket', 'server');
  watchTransport(require(`${modules}/engine.io-client/build/cjs/transports/websocket.js`).BaseWS, 'write', 'ws', 'client');
}
const server = engine.attach(http, { pingInterval: 300, pingTimeout: 2000 });
server.on('connection', (socket) => socket.on('message', (data) => (data === 'leave' ? socket.close() : socket.send(data))));

async function talk(options) {
  const socket = connect(`ws://127.0.0.1:${port}`, { transports: ['websocket'], ...options });
  const next = () => new Promise((resolve) => socket.once('message', resolve));
  await new Promise((resolve) => socket.once('open', resolve));
  for (const data of ['hello', '', '2["not", "socket.io"]', 'Grüße, 世界', Buffer.from([4, 0, 1, 254, 255]), Buffer.alloc(0), '{"type":"json"}']) { socket.send(data); await next(); }
  await wait(400);
  socket.send('leave');
  await new Promise((resolve) => socket.once('close', resolve));
  await wait(100);
}
http.listen(port, '127.0.0.1', async () => {
  await talk({});
  if (old) await talk({ forceBase64: true });
  process.exit(0);
});
