// node hocuspocus_talk.mjs PORT: Hocuspocus: its server and two providers, a document with a name, a token, a stateless message. The log is
// what the server's own IncomingMessage reads of each.
import { createRequire } from 'node:module';
const require = createRequire(`${process.env.NODE_PATH}/`);
const { said, wait } = require(new URL('./said.cjs', import.meta.url).pathname);
const { WebSocket } = require('ws');
const { Server, IncomingMessage } = require('@hocuspocus/server');
const { HocuspocusProvider, HocuspocusProviderWebsocket } = require('@hocuspocus/provider');
const Y = require('yjs');

const names = ['sync', 'awareness', 'auth', 'queryAwareness', 'syncReply', 'stateless', 'broadcastStateless', 'close', 'syncStatus', 'ping', 'pong'];
globalThis[Symbol.for('watched message')] = ({ observer, connection, side, kind, data }) => {
  if (observer !== side || kind !== 'binary') return;
  const message = new IncomingMessage(new Uint8Array(data));
  const document = message.readVarString();
  said(connection, side, 'yjs', { 'yjs.type': names[message.readVarUint()], 'yjs.document': document });
};

const port = Number(process.argv[2]);
const server = new Server({ port, address: '127.0.0.1', quiet: true, async onAuthenticate({ token }) { if (token !== 'sesame-4711') throw new Error('not authorised'); } });
await server.listen();
function open(token) {
  const socket = new HocuspocusProviderWebsocket({ url: `ws://127.0.0.1:${port}`, WebSocketPolyfill: WebSocket });
  const doc = new Y.Doc();
  const provider = new HocuspocusProvider({ websocketProvider: socket, name: 'Grüße', document: doc, token });
  provider.attach();
  return { doc, provider, socket };
}
const one = open('sesame-4711');
const two = open('sesame-4711');
await wait(400);
one.doc.getText('t').insert(0, 'Grüße, 世界');
two.provider.setAwarenessField('user', { name: 'Lee' });
two.provider.sendStateless('anyone?');
const refused = open('wrong-0000');
await wait(400);
for (const it of [one, two, refused]) { it.provider.destroy(); await wait(100); it.socket.destroy(); }
await wait(200);
process.exit(0);
