// node sockjs_talk.cjs PORT MODE: sockjs (server) with sockjs-client. MODE plain: an echo, heart-beats, several messages in one frame, a
// close by the server, broken framing, the raw endpoint. MODE stomp BROKER: @stomp/stompjs inside, carried on to a broker's TCP port.
const http = require('node:http').createServer();
const net = require('node:net');
const sockjs = require('sockjs');
const SockJS = require('sockjs-client');
const { WebSocket } = require('ws');
const { said, wait } = require('./said.cjs');
const { stompUnits } = require('./stomp_said.cjs');

const [port, mode, broker] = process.argv.slice(2);
const server = sockjs.createServer({ heartbeat_delay: 400, log: () => {} });
const stomp = mode === 'stomp';

// What the server's receivers are told to send. With STOMP inside, stompjs says what the messages are.
const transport = require(`${process.env.NODE_PATH}/sockjs/lib/transport.js`);
const { registerNoSession } = transport;
let sessions = 0;
transport.registerNoSession = (request, options, receiver) => {
  const number = ++sessions;
  const { doSendFrame, doSendBulk } = receiver;
  let bulk;
  receiver.doSendBulk = function (messages) {
    bulk = messages;
    doSendBulk.call(this, messages);
    bulk = undefined;
  };
  receiver.doSendFrame = function (payload) {
    const type = bulk ? 'message' : { o: 'open', h: 'heartbeat', c: 'close' }[payload[0]];
    if (!(stomp && bulk)) said(number, 'server', 'sockjs', { 'sockjs.type': type, ...(bulk && { 'sockjs.message': bulk }) });
    return doSendFrame.call(this, payload);
  };
  return registerNoSession(request, options, receiver);
};

server.on('connection', (connection) => {
  if (stomp) {
    const onward = net.connect(broker, '127.0.0.1');
    connection.on('data', (text) => onward.write(text));
    onward.on('data', (bytes) => connection.write(bytes.toString()));
    onward.on('close', () => connection.close(1000, 'broker closed'));
    connection.on('close', () => onward.destroy());
    return;
  }
  connection.on('data', (text) => {
    if (text === 'several') { for (const word of ['one', 'two', 'three "quoted" \\ and a\ttab']) connection.write(word); return; }
    if (text === 'leave') { connection.close(3001, 'as you "wish"'); return; }
    connection.write(text);
  });
});
server.installHandlers(http, { prefix: '/echo' });

let connections = 0;
function open() {
  const socket = new SockJS(`http://127.0.0.1:${port}/echo`, null, { transports: 'websocket', server: '000' });
  socket.number = ++connections;
  const { send } = socket;
  socket.send = function (data) {
    if (!stomp) said(socket.number, 'client', 'sockjs', { 'sockjs.type': 'message', 'sockjs.message': [String(data)] });
    return send.call(this, data);
  };
  return socket;
}
const event = (target, name) => new Promise((resolve) => { target[name] = resolve; });

async function plain() {
  const socket = open();
  await event(socket, 'onopen');
  for (const text of ['hello', '{"type":"chat","text":"Grüße \\u4e16"}', '', '[1,2]']) { socket.send(text); await event(socket, 'onmessage'); }
  socket.send('several');
  await wait(900);
  socket.send('leave');
  await event(socket, 'onclose');
  const second = open();
  await event(second, 'onopen');
  second.send('bye');
  await event(second, 'onmessage');
  second.close(1000, 'done');
  await wait(200);
  connections++;
  const bare = new WebSocket(`ws://127.0.0.1:${port}/echo/123/abcdefgh/websocket`);
  await event(bare, 'onopen');
  const say = (text, ...messages) => {
    if (messages.length) said(connections, 'client', 'sockjs', { 'sockjs.type': 'message', 'sockjs.message': messages });
    bare.send(text);
  };
  say('["a","b"]', 'a', 'b');
  say('"a bare string"', 'a bare string');
  await wait(50);
  bare.send('[not json');
  await event(bare, 'onclose');
  const raw = new WebSocket(`ws://127.0.0.1:${port}/echo/websocket`);
  await event(raw, 'onopen');
  raw.send('no framing here');
  await event(raw, 'onmessage');
  raw.close();
  await event(raw, 'onclose');
  await wait(100);
  process.exit(0);
}

async function inside() {
  const { Client } = require('@stomp/stompjs');
  const unit = stompUnits();
  const client = new Client({
    webSocketFactory: open, reconnectDelay: 0, heartbeatIncoming: 0, heartbeatOutgoing: 0,
    connectHeaders: { login: 'guest', passcode: 'guest', host: '/' },
    debug: (line) => { const found = unit(line); if (found) said(connections, found.from, 'stomp', found.fields); },
  });
  await new Promise((resolve) => { client.onConnect = resolve; client.activate(); });
  const seen = [];
  client.subscribe('/topic/prices.*', (message) => seen.push(message.body));
  client.subscribe('/queue/jobs', (message) => { seen.push(message.body); message.ack(); }, { ack: 'client', id: 'jobs', receipt: 'r-1' });
  await new Promise((resolve) => client.watchForReceipt('r-1', resolve));
  for (const [destination, body] of [['/topic/prices.eur', '{"price":1.25}'], ['/queue/jobs', 'Grüße "quoted"\nline two'], ['/topic/prices.usd', 'x'.repeat(200)]]) {
    const count = seen.length;
    client.publish({ destination, body, headers: { 'content-type': 'text/plain' } });
    while (seen.length === count) await wait(5);
  }
  await wait(500);
  client.publish({ destination: '/nowhere/at/all', body: 'an error' });
  await wait(400);
  process.exit(0);
}
http.listen(port, '127.0.0.1', stomp ? inside : plain);
