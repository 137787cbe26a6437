// node signalr_talk.cjs PORT json|messagepack: @microsoft/signalr with a hub. The log is what the client's protocol classes are given to
// write and what they give back when they have parsed.
const path = require('node:path');
const signalR = require('@microsoft/signalr');
const { MessagePackHubProtocol } = require('@microsoft/signalr-protocol-msgpack');
const { said, wait } = require('./said.cjs');

const [port, format] = process.argv.slice(2);
const inside = (name) => require(path.join(process.env.NODE_PATH, '@microsoft/signalr/dist/cjs', name));
const NAMES = ['', 'Invocation', 'StreamItem', 'Completion', 'StreamInvocation', 'CancelInvocation', 'Ping', 'Close', 'Ack', 'Sequence'];
let connections = 0;
// What was written is sent later, and a ping many times.
const described = new Map();

function say(from, message) {
  const fields = { 'signalr.type': NAMES[message.type] };
  const put = (name, value) => { if (value !== undefined && value !== null) fields[name] = value; };
  put('signalr.id', message.invocationId);
  put('signalr.target', message.target);
  put('signalr.error', message.error);
  put('signalr.sequence_id', message.sequenceId);
  if (message.streamIds?.length) fields['signalr.stream_ids'] = message.streamIds;
  said(connections, from, 'signalr', fields);
}
for (const Protocol of [signalR.JsonHubProtocol, MessagePackHubProtocol]) {
  const { writeMessage, parseMessages } = Protocol.prototype;
  Protocol.prototype.writeMessage = function (message) {
    const written = writeMessage.call(this, message);
    described.set(written, message);
    return written;
  };
  Protocol.prototype.parseMessages = function (...words) {
    const messages = parseMessages.apply(this, words);
    for (const message of messages) say('server', message);
    return messages;
  };
}
const { HttpConnection } = inside('HttpConnection.js');
const { send } = HttpConnection.prototype;
HttpConnection.prototype.send = function (data) {
  if (described.has(data)) say('client', described.get(data));
  return send.call(this, data);
};
const { HandshakeProtocol } = inside('HandshakeProtocol.js');
const { writeHandshakeRequest, parseHandshakeResponse } = HandshakeProtocol.prototype;
HandshakeProtocol.prototype.writeHandshakeRequest = function (request) {
  connections++;
  said(connections, 'client', 'signalr', { 'signalr.type': 'HandshakeRequest', 'signalr.protocol': request.protocol, 'signalr.version': request.version });
  return writeHandshakeRequest.call(this, request);
};
HandshakeProtocol.prototype.parseHandshakeResponse = function (data) {
  const answer = parseHandshakeResponse.call(this, data);
  said(connections, 'server', 'signalr', { 'signalr.type': 'HandshakeResponse', ...(answer[1].error && { 'signalr.error': answer[1].error }) });
  return answer;
};

function hub({ stateful, name } = {}) {
  const builder = new signalR.HubConnectionBuilder()
    .withUrl(`http://127.0.0.1:${port}/hub`, { accessTokenFactory: () => 'sesame-4711', transport: signalR.HttpTransportType.WebSockets, headers: { 'X-Lab': 'yes' } })
    .configureLogging(signalR.LogLevel.None);
  const protocol = format === 'messagepack' ? new MessagePackHubProtocol() : new signalR.JsonHubProtocol();
  // A name that no hub knows, for a handshake that is refused.
  builder.withHubProtocol(name ? Object.assign(Object.create(protocol), { name }) : protocol);
  if (stateful) builder.withStatefulReconnect();
  const it = builder.build();
  it.keepAliveIntervalInMilliseconds = 250;
  return it;
}
const drained = (stream) => new Promise((resolve) => { stream.subscribe({ next() {}, error: resolve, complete: resolve }); });
const failed = (promise) => promise.catch(() => {});

async function main() {
  const it = hub();
  it.on('ReceiveMessage', () => {});
  it.on('Question', (text) => text.length);
  const answered = new Promise((resolve) => it.on('Answered', resolve));
  await it.start();
  await it.invoke('Add', 2, 40);
  await it.invoke('Nothing');
  await it.invoke('Echo', { text: 'Grüße, 世界', list: [1, null, true, -2.5], nested: { a: [] } });
  if (format === 'messagepack') await it.invoke('Echo', new Uint8Array([0, 1, 2, 254, 255]));
  await failed(it.invoke('Fail'));
  await failed(it.invoke('NoSuchMethod', 1));
  await it.send('Shout', 'ada', 'hello everyone');
  await drained(it.stream('Counter', 3));
  const stopped = it.stream('Counter', 100).subscribe({ next() {}, error() {}, complete() {} });
  await wait(70);
  stopped.dispose();
  const upload = new signalR.Subject();
  const sum = it.invoke('Upload', upload);
  for (const n of [1, 2, 3]) upload.next(n);
  upload.complete();
  await sum;
  await it.invoke('AskBack');
  await answered;
  await wait(700);
  const end = new Promise((resolve) => it.onclose(resolve));
  failed(it.invoke('Leave'));
  await end;
  const stateful = hub({ stateful: true });
  await stateful.start();
  await stateful.invoke('Add', 1, 1);
  await stateful.invoke('Echo', 'x'.repeat(200));
  await wait(1200);
  await stateful.stop();
  await wait(50);
  await failed(hub({ name: 'nosuch' }).start());
  await wait(100);
  process.exit(0);
}
main();
