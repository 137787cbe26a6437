// node nats_talk.cjs PORT: npm nats.ws with a NATS server. The log is the client's commands and what its parser hands on.
const { said, wait } = require('./said.cjs');
global.WebSocket = require('ws').WebSocket;
const lib = `${process.env.NODE_PATH}/nats.ws/lib`;
const { ProtocolHandler } = require(`${lib}/nats-base-client/protocol.js`);
const { connect, headers, StringCodec } = require(`${lib}/src/mod.js`);

const port = process.argv[2];
const { push, sendCommand } = ProtocolHandler.prototype;
const KINDS = ['+OK', '-ERR', 'MSG', 'INFO', 'PING', 'PONG'];
let connections = 0;
const numberOf = (handler) => (handler.connectionOfLab ??= ++connections);
const { decode } = StringCodec();

ProtocolHandler.prototype.push = function (event) {
  const fields = { 'nats.op': KINDS[event.kind] };
  if (event.kind === 2) {
    const text = (bytes) => (bytes ? decode(bytes) : undefined);
    if (event.msg.hdr > 0) fields['nats.op'] = 'HMSG';
    Object.assign(fields, { 'nats.subject': text(event.msg.subject), 'nats.sid': String(event.msg.sid), ...(event.msg.reply && { 'nats.reply': text(event.msg.reply) }) });
  }
  said(numberOf(this), 'server', 'nats', fields);
  return push.call(this, event);
};
ProtocolHandler.prototype.sendCommand = function (command, ...payloads) {
  const [op, ...words] = (typeof command === 'string' ? command : decode(command)).trim().split(' ');
  const fields = { 'nats.op': op };
  if (['PUB', 'HPUB', 'SUB'].includes(op)) fields['nats.subject'] = words[0];
  if (op === 'SUB') fields['nats.sid'] = words.at(-1);
  if (op === 'UNSUB') fields['nats.sid'] = words[0];
  said(numberOf(this), 'client', 'nats', fields);
  return sendCommand.call(this, command, ...payloads);
};

// What it sends around `sendCommand`: CONNECT and a PING after the first INFO, a PONG for a PING, the PING of a flush.
const { processInfo, processPing, flush } = ProtocolHandler.prototype;
ProtocolHandler.prototype.processInfo = function (data) {
  if (!this.infoReceived) for (const op of ['CONNECT', 'PING']) said(numberOf(this), 'client', 'nats', { 'nats.op': op });
  return processInfo.call(this, data);
};
ProtocolHandler.prototype.processPing = function () { said(numberOf(this), 'client', 'nats', { 'nats.op': 'PONG' }); return processPing.call(this); };
ProtocolHandler.prototype.flush = function (waiting) { said(numberOf(this), 'client', 'nats', { 'nats.op': 'PING' }); return flush.call(this, waiting); };

async function main() {
  const options = { servers: `ws://127.0.0.1:${port}`, user: 'ada', pass: 'sesame-4711', name: 'lab', reconnect: false, pingInterval: 400 };
  const it = await connect(options);
  it.closed().catch(() => {});
  const prices = it.subscribe('prices.>', { max: 5 });
  const answers = it.subscribe('questions', { queue: 'workers', callback: (_, message) => message.respond(`answer to ${decode(message.data)}`) });
  it.publish('prices.tea', '2.5');
  it.publish('prices.tea', 'Grüße, 世界\r\nPING\r\n');
  const more = headers();
  more.set('Lab', 'yes');
  it.publish('prices.coffee', new Uint8Array([0, 1, 2, 254, 255]), { headers: more });
  it.publish('prices.none');
  it.publish('prices.long', 'x'.repeat(400));
  await it.flush();
  for await (const message of prices) if (message.subject === 'prices.long') break;
  await it.request('questions', 'how many?', { timeout: 1000 });
  await it.request('nobody', 'x', { timeout: 1000 }).catch(() => {});
  it.publish('secret.plan', 'x');
  await it.flush();
  await wait(500);
  answers.unsubscribe();
  await it.close();
  await wait(150);
  await connect({ ...options, pass: 'wrong-0000' }).catch(() => {});
  await wait(150);
  process.exit(0);
}
main();
