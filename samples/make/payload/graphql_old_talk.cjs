// node graphql_old_talk.cjs PORT [mismatch]: the old `graphql-ws` protocol with npm subscriptions-transport-ws on both ends. The log is the messages
// that each end's library is about to make into text. With `mismatch` the client speaks the new protocol under the old one's token.
const http = require('node:http').createServer();
const { execute, subscribe } = require('graphql');
const { WebSocket } = require('ws');
const { SubscriptionServer, SubscriptionClient } = require('subscriptions-transport-ws');
const { schema, rootValue, subscriptions } = require('./graphql_schema.cjs');
const { said, numberOf, wait } = require('./said.cjs');

const [port, mismatch] = process.argv.slice(2);

function say(socket, from, type, id, payload) {
  const fields = { 'graphql.type': type };
  if (id !== undefined) fields['graphql.id'] = id;
  if (payload?.operationName) fields['graphql.operation'] = payload.operationName;
  said(numberOf(socket), from, 'graphql-ws', fields);
}
const { sendMessage } = SubscriptionServer.prototype;
SubscriptionServer.prototype.sendMessage = function (context, id, type, payload) {
  // Of some messages (`subscription_success`) it sends nothing to a client that is not of the first version.
  const { socket } = context;
  socket.send = (...words) => { say(socket, 'server', type, id, payload); return Object.getPrototypeOf(socket).send.apply(socket, words); };
  sendMessage.call(this, context, id, type, payload);
  delete socket.send;
};
const { sendMessageRaw } = SubscriptionClient.prototype;
SubscriptionClient.prototype.sendMessageRaw = function (message) {
  if (this.status === WebSocket.OPEN) say(this.client, 'client', message.type, message.id, message.payload);
  return sendMessageRaw.call(this, message);
};

SubscriptionServer.create({
  schema, execute, subscribe, rootValue: { ...rootValue, ...subscriptions }, keepAlive: 150,
  onConnect: (parameters) => { if (parameters.authToken !== 'sesame-4711') throw new Error('not authorised'); return {}; },
}, { server: http, path: '/subscriptions' });

function client(authToken) {
  return new SubscriptionClient(`ws://127.0.0.1:${port}/subscriptions`, { reconnect: false, connectionParams: { authToken } }, WebSocket);
}
function run(it, request) {
  return new Promise((resolve) => it.request(request).subscribe({ next() {}, error: resolve, complete: resolve }));
}

// npm graphql-ws, told to offer `graphql-ws`: the commonest mistake with these two.
async function misled() {
  const { createClient } = require('graphql-ws');
  let message;
  class Misled extends WebSocket {
    constructor(url) { super(url, 'graphql-ws'); }
    get protocol() { return 'graphql-transport-ws'; }
    send(...words) { said(numberOf(this), 'client', 'graphql-transport-ws', { 'graphql.type': message.type, ...(message.id && { 'graphql.id': message.id }) }); super.send(...words); }
  }
  const it = createClient({
    url: `ws://127.0.0.1:${port}/subscriptions`, lazy: false, retryAttempts: 0, connectionParams: { authToken: 'sesame-4711' }, webSocketImpl: Misled,
    jsonMessageReplacer: (key, value) => { if (key === '') message = value; return value; }, onNonLazyError: () => {},
  });
  await new Promise((resolve) => it.on('connected', resolve));
  it.subscribe({ query: 'subscription Prices { prices { item price } }' }, { next() {}, error() {}, complete() {} });
  await wait(400);
  process.exit(0);
}

http.listen(port, '127.0.0.1', mismatch ? misled : async () => {
  const it = client('sesame-4711');
  await new Promise((resolve) => it.onConnected(resolve));
  await run(it, { query: 'query Hello($name: String) { hello(name: $name) }', variables: { name: 'Ada' }, operationName: 'Hello' });
  await run(it, { query: 'mutation SetPrice { setPrice(item: "tea", price: 2.75) { item price } }', operationName: 'SetPrice' });
  await run(it, { query: 'query NoField { nothing }', operationName: 'NoField' });
  await run(it, { query: 'query Fails { fails }', operationName: 'Fails' });
  await run(it, { query: 'subscription Countdown { countdown(from: 3) }', operationName: 'Countdown' });
  const prices = it.request({ query: 'subscription Prices { prices { item price } }', operationName: 'Prices' }).subscribe({ next() {} });
  await wait(200);
  prices.unsubscribe();
  await wait(200);
  it.close(true);
  await wait(100);
  const refused = client('wrong-0000');
  await new Promise((resolve) => refused.onDisconnected(resolve));
  await wait(200);
  refused.close(true);
  await wait(100);
  process.exit(0);
});
