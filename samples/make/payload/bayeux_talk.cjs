// node bayeux_talk.cjs PORT: Bayeux with npm faye on both ends. The log is the lists of messages that each makes JSON of.
const http = require('node:http').createServer();
const { wait } = require('./said.cjs');
const { watchJson } = require('./json_said.cjs');

watchJson((messages) => [messages].flat().map((message) => {
  const fields = { 'bayeux.channel': message.channel };
  for (const key of ['id', 'successful', 'error', 'subscription']) if (message[key] !== undefined) fields[`bayeux.${key}`] = message[key];
  if (message.clientId !== undefined) fields['bayeux.client_id'] = message.clientId;
  return { protocol: 'bayeux', fields };
}));
const faye = require('faye');

const port = process.argv[2];
const server = new faye.NodeAdapter({ mount: '/faye', timeout: 0.4, ping: 0.6 });
server.addExtension({
  incoming(message, done) {
    const secret = ['/meta/subscribe', '/secret/plan'].includes(message.channel) && (message.subscription ?? message.channel).startsWith('/secret');
    if (secret && message.ext?.token !== 'sesame-4711') message.error = '403:secret:not authorised';
    done(message);
  },
});
server.attach(http);

function client(token) {
  const it = new faye.Client(`http://127.0.0.1:${port}/faye`, { timeout: 2 });
  it.addExtension({ outgoing(message, done) { message.ext = { token }; done(message); } });
  return it;
}

// Faye's client shakes hands over HTTP and then changes to the WebSocket; CometD's begins with it.
async function cometd() {
  require('cometd-nodejs-client').adapt();
  const { CometD } = require('cometd');
  const it = new CometD();
  it.unregisterTransport('long-polling');
  it.unregisterTransport('callback-polling');
  it.configure({ url: `ws://127.0.0.1:${port}/faye`, logLevel: 'error', maxNetworkDelay: 5000 });
  await new Promise((resolve) => it.handshake({ ext: { token: 'sesame-4711' } }, resolve));
  const seen = new Promise((resolve) => it.subscribe('/news/*', resolve));
  await wait(50);
  it.batch(() => { it.publish('/news/c', { n: 3 }); it.publish('/news/d', { n: 4 }); });
  await seen;
  await wait(600);
  await new Promise((resolve) => it.disconnect(resolve));
  await wait(100);
}

http.listen(port, '127.0.0.1', async () => {
  const it = client('sesame-4711');
  const seen = [];
  const news = it.subscribe('/news/*', (message) => seen.push(message));
  await news;
  await it.subscribe('/secret/plan', () => {});
  await it.publish('/news/local', { text: 'Grüße, 世界', list: [1, null, true] });
  await Promise.all([it.publish('/news/a', { n: 1 }), it.publish('/news/b', { n: 2 }), it.publish('/other', 'nobody listens')]);
  while (seen.length < 3) await wait(10);
  await wait(900);
  await it.publish('/bad channel!', {}).then(() => {}, () => {});
  news.cancel();
  await wait(100);
  it.disconnect();
  await wait(200);
  const wrong = client('wrong-0000');
  await wrong.subscribe('/secret/plan', () => {}).then(() => {}, () => {});
  await wrong.publish('/secret/plan', { text: 'x' }).then(() => {}, () => {});
  wrong.disconnect();
  await wait(200);
  await cometd();
  process.exit(0);
});
