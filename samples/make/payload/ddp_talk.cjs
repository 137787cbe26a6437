// node ddp_talk.cjs PORT raw|sockjs: Meteor's DDP. The client is npm simpleddp; the server is a few lines here (Meteor cannot be installed
// from a registry), over `ws` at /websocket or inside npm sockjs at /sockjs, as Meteor has it. The log is what each end makes JSON of.
const http = require('node:http').createServer();
const sockjs = require('sockjs');
const SockJS = require('sockjs-client');
const { WebSocketServer, WebSocket } = require('ws');
const { said, wait } = require('./said.cjs');

const [port, mode] = process.argv.slice(2);
const simpleddp = require('simpleddp').default ?? require('simpleddp');
let connections = 0;
// simpleddp also rejects a promise of its own for each error that it reports.
process.on('unhandledRejection', () => {});

function say(connection, from, message) {
  if (message.msg === undefined) return;
  const fields = { 'ddp.msg': message.msg };
  if (message.id !== undefined) fields['ddp.id'] = message.id;
  for (const key of ['collection', 'method', 'name', 'session']) if (message[key] !== undefined) fields[`ddp.${key}`] = message[key];
  said(connection, from, 'ddp', fields);
}

// --- the server ---
function serve(connection, write, listen) {
  const send = (message) => { say(connection, 'server', message); write(JSON.stringify(message)); };
  send({ server_id: '0' });
  listen((text) => {
    let message;
    try { message = JSON.parse(text); } catch { return send({ msg: 'error', reason: 'Bad request', offendingMessage: text }); }
    const { msg, id } = message;
    if (msg === 'connect') return send(message.version === '1' ? { msg: 'connected', session: 'S1' } : { msg: 'failed', version: '1' });
    if (msg === 'ping') return send({ msg: 'pong', ...(id !== undefined && { id }) });
    if (msg === 'sub' && message.name === 'prices') {
      send({ msg: 'added', collection: 'prices', id: 'tea', fields: { price: 2.5, since: { $date: 1704067200000 } } });
      send({ msg: 'ready', subs: [id] });
      send({ msg: 'changed', collection: 'prices', id: 'tea', fields: { price: 2.75 }, cleared: ['since'] });
      return send({ msg: 'removed', collection: 'prices', id: 'tea' });
    }
    if (msg === 'sub') return send({ msg: 'nosub', id, error: { error: 404, reason: 'Subscription not found', errorType: 'Meteor.Error' } });
    if (msg === 'unsub') return send({ msg: 'nosub', id });
    if (msg === 'method') {
      const error = { error: 404, reason: `Method '${message.method}' not found`, message: 'not found [404]', errorType: 'Meteor.Error' };
      send(message.method === 'add' ? { msg: 'result', id, result: message.params[0] + message.params[1] } : message.method === 'login'
        ? { msg: 'result', id, result: { id: 'ada', token: 'resume-4711', tokenExpires: { $date: 1704067200000 } } } : { msg: 'result', id, error });
      return send({ msg: 'updated', methods: [id] });
    }
    if (msg !== 'pong') send({ msg: 'error', reason: 'Unknown message type', offendingMessage: message });
  });
  if (mode === 'raw') setTimeout(() => send({ msg: 'ping', id: 'p1' }), 400);
}
let served = 0;
if (mode === 'raw') {
  new WebSocketServer({ server: http, path: '/websocket' }).on('connection', (socket) =>
    serve(++served, (text) => socket.send(text), (got) => socket.on('message', (data) => got(data.toString()))));
} else {
  const server = sockjs.createServer({ log: () => {} });
  server.on('connection', (socket) => serve(++served, (text) => socket.write(text), (got) => socket.on('data', got)));
  server.installHandlers(http, { prefix: '/sockjs' });
}

// --- the client ---
const { stringify } = JSON;
const made = new Map();
JSON.stringify = (value, ...rest) => { const text = stringify(value, ...rest); if (value?.msg) made.set(text, value); return text; };
const Socket = mode === 'raw' ? WebSocket : class { constructor(url) { return new SockJS(url, null, { transports: 'websocket' }); } };
class Watched {
  constructor(url) {
    const socket = new Socket(url);
    const connection = ++connections;
    const { send } = socket;
    socket.send = (text) => { if (made.has(text)) say(connection, 'client', made.get(text)); return send.call(socket, text); };
    return socket;
  }
}

http.listen(port, '127.0.0.1', async () => {
  const endpoint = mode === 'raw' ? `ws://127.0.0.1:${port}/websocket` : `http://127.0.0.1:${port}/sockjs`;
  const it = new simpleddp({ endpoint, SocketConstructor: Watched, reconnectInterval: 60_000, autoReconnect: false });
  await new Promise((resolve) => it.on('connected', resolve));
  const prices = it.subscribe('prices', 'all', { limit: 2 });
  await prices.ready();
  await it.subscribe('nothing').ready().catch(() => {});
  await it.call('add', 2, 40);
  await it.call('login', { user: { username: 'ada' }, password: { digest: 'sesame-4711', algorithm: 'sha-256' } });
  await it.call('nowhere', 'Grüße').catch(() => {});
  await wait(300);
  await prices.stop();
  await wait(150);
  await it.disconnect();
  await wait(150);
  if (mode === 'raw') {
    connections++;
    const bare = new WebSocket(endpoint);
    await new Promise((resolve) => bare.once('open', resolve));
    for (const message of [{ msg: 'connect', version: 'pre1', support: ['1', 'pre1'] }, { msg: 'ping' }, { msg: 'no such' }]) {
      say(connections, 'client', message);
      bare.send(stringify(message));
      await wait(30);
    }
    bare.send('{"msg":');
    await wait(50);
    bare.close();
    await wait(100);
  }
  process.exit(0);
});
