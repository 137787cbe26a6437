// node graphql_talk.cjs PORT: the `graphql-transport-ws` protocol with npm graphql-ws on both ends: queries, a mutation, subscriptions,
// errors, pings, and each close code of the protocol. The log is what each end hands to its serialiser.
const http = require('node:http').createServer();
const { WebSocketServer, WebSocket } = require('ws');
const { createClient, GRAPHQL_TRANSPORT_WS_PROTOCOL } = require('graphql-ws');
const { useServer } = require(`${process.env.NODE_PATH}/graphql-ws/dist/use/ws.cjs`);
const { schema, rootValue, subscriptions } = require('./graphql_schema.cjs');
const { said, numberOf, wait } = require('./said.cjs');

const port = Number(process.argv[2]);
const url = `ws://127.0.0.1:${port}/graphql`;

function fields(message) {
  const out = { 'graphql.type': message.type };
  if (message.id !== undefined) out['graphql.id'] = message.id;
  if (message.payload?.operationName) out['graphql.operation'] = message.payload.operationName;
  return out;
}
// A message is made into text and sent in one step, so the text that is sent is the message made last.
const { stringify } = JSON;
let made;
JSON.stringify = (value, ...rest) => { const text = stringify(value, ...rest); made = { text, value }; return text; };
function watchSend(socket, from) {
  const { send } = socket;
  socket.send = function (...words) {
    const [text] = words;
    if (made?.text === text) said(numberOf(socket), from, 'graphql-transport-ws', fields(made.value));
    return send.apply(this, words);
  };
}

const wss = new WebSocketServer({ server: http, path: '/graphql' });
wss.on('connection', (socket) => watchSend(socket, 'server'));
useServer({
  schema, roots: { query: rootValue, mutation: rootValue, subscription: subscriptions }, connectionInitWaitTimeout: 400,
  onConnect: (context) => (context.connectionParams?.authToken === 'sesame-4711' ? { server: 'lab' } : false),
}, wss, 0);

function client(options) {
  return createClient({
    url, lazy: false, retryAttempts: 0, connectionParams: { authToken: 'sesame-4711' },
    webSocketImpl: class extends WebSocket { constructor(...words) { super(...words); watchSend(this, 'client'); } },
    onNonLazyError: () => {}, ...options,
  });
}
function run(it, payload) {
  return new Promise((resolve) => it.subscribe(payload, { next: () => {}, error: resolve, complete: resolve }));
}
const opened = (socket) => new Promise((resolve) => socket.once('open', resolve));
const closed = (socket) => new Promise((resolve) => socket.once('close', resolve));

// A client of few words: `ws` alone, which says these messages and then waits for the close.
async function bare(...messages) {
  const socket = new WebSocket(url, GRAPHQL_TRANSPORT_WS_PROTOCOL);
  const end = closed(socket);
  await opened(socket);
  for (const message of messages) {
    if (typeof message === 'object') said(numberOf(socket), 'client', 'graphql-transport-ws', fields(message));
    socket.send(typeof message === 'object' ? JSON.stringify(message) : message);
    await wait(30);
  }
  await end;
}

http.listen(port, '127.0.0.1', async () => {
  const it = client({ keepAlive: 150 });
  await new Promise((resolve) => it.on('connected', resolve));
  await run(it, { query: 'query Hello($name: String) { hello(name: $name) }', variables: { name: 'Ada' }, operationName: 'Hello' });
  await run(it, { query: '{ hello }' });
  await run(it, { query: 'mutation SetPrice { setPrice(item: "tea", price: 2.75) { item price } }', operationName: 'SetPrice' });
  await run(it, { query: 'query Broken { hello(', operationName: 'Broken' });
  await run(it, { query: 'query NoField { nothing }', operationName: 'NoField' });
  await run(it, { query: 'query Fails { fails }', operationName: 'Fails' });
  await run(it, { query: 'subscription Countdown($from: Int!) { countdown(from: $from) }', variables: { from: 3 }, operationName: 'Countdown' });
  const stop = it.subscribe({ query: 'subscription Prices { prices { item price } }', operationName: 'Prices' }, { next() {}, error() {}, complete() {} });
  await wait(200);
  stop();
  await wait(250);
  await it.dispose();
  await wait(50);
  const refused = client({ connectionParams: { authToken: 'wrong-0000' } });
  await new Promise((resolve) => refused.on('closed', resolve));
  const init = { type: 'connection_init', payload: { authToken: 'sesame-4711' } };
  const forever = { id: 'p', type: 'subscribe', payload: { query: 'subscription Prices { prices { item price } }', operationName: 'Prices' } };
  await bare(forever);
  await bare(init, { type: 'no such type' });
  await bare(init, 'not json');
  await bare(init, forever, forever);
  await bare(init, init);
  await bare();
  await wait(100);
  process.exit(0);
});
