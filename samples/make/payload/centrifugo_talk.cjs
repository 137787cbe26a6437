// node centrifugo_talk.cjs PORT json|protobuf: npm centrifuge with a server. The log is what the client's codec is given and gives.
const { WebSocket } = require('ws');
const { said, wait } = require('./said.cjs');

const [port, format] = process.argv.slice(2);
const { Centrifuge } = require(format === 'protobuf' ? 'centrifuge/build/protobuf' : 'centrifuge');
let connections = 0;

function say(connection, from, it) {
  const fields = {};
  const keys = Object.keys(it).filter((key) => key !== 'id');
  const kind = it.error ? 'error' : keys[0] ?? (from === 'server' ? 'ping' : 'pong');
  fields['centrifugo.type'] = kind;
  if (kind === 'push') fields['centrifugo.push'] = Object.keys(it.push).find((key) => key !== 'channel' && key !== 'id');
  const channel = it.push?.channel || it[kind]?.channel;
  if (channel) fields['centrifugo.channel'] = channel;
  if (it.id) fields['centrifugo.id'] = it.id;
  if (it.error) fields['centrifugo.error.code'] = it.error.code;
  if (kind === 'rpc' && it.rpc.method) fields['centrifugo.method'] = it.rpc.method;
  said(connection, from, 'centrifugo', fields);
}

function open(token) {
  const connection = ++connections;
  const it = new Centrifuge(`ws://127.0.0.1:${port}/connection/websocket`, { websocket: WebSocket, token, name: 'lab', minReconnectDelay: 60_000 });
  const { encodeCommands, decodeReplies } = it._codec;
  it._codec.encodeCommands = (commands) => { for (const command of commands) say(connection, 'client', command); return encodeCommands.call(it._codec, commands); };
  it._codec.decodeReplies = (data) => { const replies = decodeReplies.call(it._codec, data); for (const reply of replies) say(connection, 'server', reply); return replies; };
  return it;
}
const pack = (value) => (format === 'protobuf' ? new TextEncoder().encode(JSON.stringify(value)) : value);
const failed = (promise) => promise.catch(() => {});

async function main() {
  const it = open('sesame-4711');
  it.connect();
  await it.ready();
  const news = it.newSubscription('news');
  const got = new Promise((resolve) => news.on('publication', resolve));
  news.subscribe();
  await news.ready();
  await got;
  const secret = it.newSubscription('secret');
  secret.subscribe();
  await new Promise((resolve) => secret.on('unsubscribed', resolve));
  await Promise.all([news.publish(pack({ text: 'Grüße, 世界' })), news.presence(), news.presenceStats(), news.history({ limit: 2 })]);
  await it.rpc('add', pack([2, 40]));
  await failed(it.rpc('fail', pack({})));
  await it.send(pack({ nothing: 'comes back' }));
  await wait(1200);
  news.unsubscribe();
  await wait(100);
  await failed(it.rpc('leave', pack({})));
  await wait(200);
  it.disconnect();
  const wrong = open('wrong-0000');
  wrong.on('error', () => {});
  wrong.connect();
  await wait(300);
  wrong.disconnect();
  await wait(100);
  process.exit(0);
}
main();
