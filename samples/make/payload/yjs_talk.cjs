// node yjs_talk.cjs PORT: Yjs: y-websocket's server and two of its clients. The log is the functions of y-protocols by which either end
// makes what it sends next.
const sync = require('y-protocols/dist/sync.cjs');
const awareness = require('y-protocols/dist/awareness.cjs');
const { said, wait } = require('./said.cjs');

let next;
for (const [module, name, fields] of [
  [sync, 'writeSyncStep1', { 'yjs.type': 'sync', 'yjs.step': 'step1' }], [sync, 'writeSyncStep2', { 'yjs.type': 'sync', 'yjs.step': 'step2' }],
  [sync, 'writeUpdate', { 'yjs.type': 'sync', 'yjs.step': 'update' }], [awareness, 'encodeAwarenessUpdate', { 'yjs.type': 'awareness' }],
]) {
  const make = module[name];
  module[name] = (...words) => { next = fields; return make(...words); };
}
const { readSyncMessage } = sync;
// What answers a first step is written inside the module.
sync.readSyncMessage = (...words) => { const kind = readSyncMessage(...words); if (kind === 0) next = { 'yjs.type': 'sync', 'yjs.step': 'step2' }; return kind; };
globalThis[Symbol.for('watched message')] = ({ observer, connection, side, kind }) => { if (observer === side && kind === 'binary') said(connection, side, 'yjs', next); };

const { WebSocketServer, WebSocket } = require('ws');
const Y = require('yjs');
const { WebsocketProvider } = require(`${process.env.NODE_PATH}/y-websocket/dist/y-websocket.cjs`);
const { setupWSConnection } = require(`${process.env.NODE_PATH}/y-websocket-v1/bin/utils.js`);

const port = Number(process.argv[2]);
const wss = new WebSocketServer({ port, host: '127.0.0.1' });
wss.on('connection', setupWSConnection);
function open(name) {
  const doc = new Y.Doc();
  const provider = new WebsocketProvider(`ws://127.0.0.1:${port}`, 'lab-room', doc, { WebSocketPolyfill: WebSocket, disableBc: true, params: { token: 'sesame-4711' } });
  provider.awareness.setLocalStateField('user', { name });
  return new Promise((resolve) => provider.once('sync', () => resolve([doc, provider])));
}
wss.on('listening', async () => {
  const [first, one] = await open('Ada');
  first.getText('t').insert(0, 'Grüße, 世界');
  await wait(50);
  const [second, two] = await open('Lee');
  second.getMap('m').set('price', 2.5);
  second.getText('t').delete(0, 2);
  one.awareness.setLocalStateField('cursor', { at: 3 });
  await wait(100);
  first.transact(() => { first.getArray('a').push([1, null, true, 'x', new Uint8Array([0, 255])]); first.getText('t').insert(0, 'x'.repeat(200)); });
  await wait(100);
  two.destroy();
  await wait(100);
  one.destroy();
  await wait(150);
  process.exit(0);
});
