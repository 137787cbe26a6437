// node grpcweb_talk.cjs PORT: gRPC-Web over WebSockets: npm @improbable-eng/grpc-web with a small server that answers as its Go one does.
// The log is what the client is asked to send and what it reports.
const { WebSocketServer, WebSocket } = require('ws');
const { StringValue } = require('google-protobuf/google/protobuf/wrappers_pb.js');
const { said, wait } = require('./said.cjs');
global.WebSocket = WebSocket;
const { grpc } = require('@improbable-eng/grpc-web');

const port = Number(process.argv[2]);

// --- the server ---
function frame(flag, data) {
  const head = Buffer.alloc(5);
  head[0] = flag;
  head.writeUInt32BE(data.length, 1);
  return [head, Buffer.from(data)];
}
const wss = new WebSocketServer({ port, host: '127.0.0.1', handleProtocols: () => 'grpc-websockets' });
wss.on('connection', (socket, request) => {
  const method = request.url.split('/').at(-1);
  const send = (...parts) => { for (const part of parts) socket.send(part); };
  const value = (text) => { const it = new StringValue(); it.setValue(text); return it.serializeBinary(); };
  const finish = (status, message) => { send(...frame(0x80, Buffer.from(`grpc-status: ${status}\r\ngrpc-message: ${message}\r\n`))); setTimeout(() => socket.close(1000), 30); };
  let started = false;
  socket.on('message', (data) => {
    if (!started) { started = true; send(...frame(0x80, Buffer.from('content-type: application/grpc-web+proto\r\nlab: yes\r\n'))); return; }
    if (data[0] === 1) { if (method === 'Chat') finish(0, ''); return; }
    const text = StringValue.deserializeBinary(new Uint8Array(data.subarray(6))).getValue();
    if (method === 'Fail') { finish(5, 'no%20such%20item'); return; }
    for (let n = 0; n < (method === 'Count' ? 3 : 1); n++) send(...frame(0, value(`${n}: ${text}`)));
    if (method !== 'Chat') finish(0, '');
  });
});

// --- the client ---
let connections = 0;
function call(method, texts, { requestStream = false, responseStream = false }) {
  const connection = ++connections;
  const say = (from, kind, more = {}) => said(connection, from, 'grpc-websockets', { 'grpc.kind': kind, ...more });
  const definition = { methodName: method, service: { serviceName: 'lab.Prices' }, requestStream, responseStream, requestType: StringValue, responseType: StringValue };
  const client = grpc.client(definition, { host: `http://127.0.0.1:${port}`, transport: grpc.WebsocketTransport() });
  return new Promise((resolve) => {
    client.onHeaders(() => say('server', 'headers'));
    client.onMessage(() => say('server', 'message'));
    client.onEnd((status) => { say('server', 'trailers', { 'grpc.status': status }); resolve(); });
    client.start(new grpc.Metadata({ authorization: 'Bearer sesame-4711' }));
    say('client', 'headers');
    for (const text of texts) { const it = new StringValue(); it.setValue(text); client.send(it); say('client', 'message'); }
    client.finishSend();
    say('client', 'finish');
  });
}
wss.on('listening', async () => {
  await call('Hello', ['Grüße, 世界'], {});
  await call('Count', ['x'.repeat(200)], { responseStream: true });
  await call('Chat', ['one', 'two', 'three'], { requestStream: true, responseStream: true });
  await call('Fail', ['x'], {});
  await wait(150);
  process.exit(0);
});
