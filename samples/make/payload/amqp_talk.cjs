// node amqp_talk.cjs PORT: AMQP 1.0 over WebSockets with npm rhea on both ends: SASL PLAIN, transfers both ways, dispositions, errors, heart-beats.
// The log is the frames that each transport is about to write.
const { WebSocketServer, WebSocket } = require('ws');
const rhea = require('rhea');
const Transport = require('rhea/lib/transport.js');
const frames = require('rhea/lib/frames.js');
const { said, wait } = require('./said.cjs');

const port = Number(process.argv[2]);
const SASL = ['sasl_mechanisms', 'sasl_init', 'sasl_challenge', 'sasl_response', 'sasl_outcome'];
const NAMES = ['open', 'begin', 'attach', 'flow', 'transfer', 'disposition', 'detach', 'end', 'close', ...SASL];
const connections = { client: 0, server: 0 };
const numbers = new Map();

// Both ends name their transports: the client's identifiers begin with `c`, the server's with `s`.
function where({ identifier }) {
  const from = identifier.startsWith('c') ? 'client' : 'server';
  if (!numbers.has(identifier)) numbers.set(identifier, ++connections[from]);
  return [numbers.get(identifier), from];
}
function performative(frame) {
  if (!frame.performative) return { 'amqp.length': 8 };
  const name = NAMES.find((one) => frames[one] && frame.performative.constructor === frames[one]({}).constructor) ?? String(frame.performative.constructor);
  const fields = { 'amqp.performative': name.replace('_', '-'), 'amqp.channel': frame.channel };
  for (const [key, field] of [['delivery_id', 'deliveryId'], ['handle', 'handle'], ['name', 'name'], ['role', 'role']]) {
    const value = frame.performative[key];
    if (value !== undefined && value !== null) fields[`amqp.performative.arguments.${field}`] = value;
  }
  return fields;
}
const { write } = Transport.prototype;
Transport.prototype.write = function (socket) {
  if (!this.header_sent) said(...where(this), 'amqp', { 'amqp.init.protocol': 'AMQP', 'amqp.init.id': this.protocol_id });
  for (const frame of this.pending) said(...where(this), 'amqp', performative(frame));
  return write.call(this, socket);
};

const server = rhea.create_container({ id: 'server' });
server.sasl_server_mechanisms.enable_plain((user, password) => user === 'ada' && password === 'sesame-4711');
let accepted = 0;
new WebSocketServer({ port, host: '127.0.0.1', path: '/amqp', handleProtocols: () => 'amqp' })
  .on('connection', (socket) => server.websocket_accept(socket, { id: `s${++accepted}`, idle_time_out: 600 }));
server.on('message', ({ message, delivery, connection }) => {
  if (message.subject === 'bad') return delivery.reject({ condition: 'lab:bad', description: 'not this one' });
  delivery.accept();
  connection.find_sender(() => true)?.send({ subject: 'answer', body: message.body, correlation_id: message.message_id });
  return undefined;
});
server.on('receiver_open', ({ receiver }) => {
  if (receiver.target.address === 'forbidden') receiver.close({ condition: 'amqp:unauthorized-access', description: 'not for ada' });
});

// A frame may be cut anywhere, and several may share a message: `cut` bytes a message, or everything of one turn in one.
const cutting = (cut) => class extends WebSocket {
  send(data, options) {
    if (cut) { for (let at = 0; at < data.length; at += cut) super.send(data.subarray(at, at + cut), options); return; }
    this.kept ??= [];
    this.kept.push(Buffer.from(data));
    if (this.kept.length === 1) setImmediate(() => { super.send(Buffer.concat(this.kept), options); this.kept = []; });
  }
};

async function talk(number, Socket, password) {
  const container = rhea.create_container({ id: 'client' });
  const dial = container.websocket_connect(Socket);
  const connection = container.connect({
    connection_details: dial(`ws://127.0.0.1:${port}/amqp`, ['amqp']), id: `c${number}`, username: 'ada', password, reconnect: false, idle_time_out: 700,
    container_id: `lab-${number}`,
  });
  container.on('connection_error', () => {});
  container.on('disconnected', () => {});
  container.on('error', () => {});
  if (password !== 'sesame-4711') { await wait(300); return; }
  await new Promise((resolve) => container.once('connection_open', resolve));
  const receiver = connection.open_receiver({ source: 'answers', credit_window: 5 });
  const sender = connection.open_sender('orders');
  await new Promise((resolve) => container.once('sendable', resolve));
  const answer = () => new Promise((resolve) => receiver.once('message', resolve));
  for (const body of ['Grüße, 世界', { list: [1, null, true, -2.5], text: 'x' }, rhea.message.data_section(Buffer.from([0, 1, 2, 254, 255])), 'long '.repeat(60)]) {
    const back = answer();
    sender.send({ message_id: `m-${number}`, subject: 'order', body, application_properties: { site: 'lab', n: 7 } });
    await back;
  }
  const rejected = new Promise((resolve) => container.once('rejected', resolve));
  sender.send({ subject: 'bad', body: 'x' });
  await rejected;
  const refused = connection.open_sender('forbidden');
  await new Promise((resolve) => refused.once('sender_error', resolve));
  if (number === 1) await wait(700);
  sender.close();
  connection.close();
  await wait(200);
}

async function main() {
  await talk(1, WebSocket, 'sesame-4711');
  await talk(2, cutting(13), 'sesame-4711');
  await talk(3, cutting(0), 'sesame-4711');
  await talk(4, WebSocket, 'wrong-0000');
  process.exit(0);
}
main();
