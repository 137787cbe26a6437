// node rsocket_talk.cjs PORT: RSocket over WebSockets, npm rsocket-core on both ends. The log is the frames that each makes bytes of.
const framing = require('rsocket-core/build/RSocketBinaryFraming.js');
const { FRAME_TYPE_NAMES } = require('rsocket-core/build/RSocketFrame.js');
const { said, wait } = require('./said.cjs');

const { serializeFrame } = framing;
const made = new Map();
framing.serializeFrame = (frame, encoders) => {
  const bytes = serializeFrame(frame, encoders);
  made.set(Buffer.from(bytes).toString('hex'), frame);
  return bytes;
};
globalThis[Symbol.for('watched message')] = ({ observer, connection, side: from, data }) => {
  const frame = observer === from && made.get(data.toString('hex'));
  if (!frame) return;
  const fields = { 'rsocket.type': FRAME_TYPE_NAMES[frame.type], 'rsocket.stream_id': frame.streamId, 'rsocket.flags': frame.flags };
  if (frame.code !== undefined) fields['rsocket.error.code'] = frame.code;
  if (frame.requestN !== undefined) fields['rsocket.request_n'] = frame.requestN;
  said(connection, from, 'rsocket', fields);
};
const { RSocketClient, RSocketServer } = require('rsocket-core');
const { Flowable, Single } = require('rsocket-flowable');
const RSocketWebSocketClient = require('rsocket-websocket-client').default;
const RSocketWebSocketServer = require('rsocket-websocket-server').default;
const { WebSocket } = require('ws');

const port = Number(process.argv[2]);
const server = new RSocketServer({
  transport: new RSocketWebSocketServer({ host: '127.0.0.1', port }),
  getRequestHandler: () => ({
    requestResponse: ({ data }) => (data === 'fail' ? Single.error(new Error('no such item')) : data === 'never' ? new Single((s) => s.onSubscribe(() => {})) : Single.of({ data: `answer to ${data}`, metadata: 'm' })),
    requestStream: ({ data }) => {
      let n = 0;
      return new Flowable((subscriber) => subscriber.onSubscribe({
        cancel: () => { n = Infinity; },
        request: (count) => { for (let k = 0; k < count && n < Number(data); k++) subscriber.onNext({ data: `item ${n++}` }); if (n === Number(data)) subscriber.onComplete(); },
      }));
    },
    requestChannel: (inputs) => inputs.map(({ data }) => ({ data: data.toUpperCase() })),
    fireAndForget: () => {},
    metadataPush: () => Single.of(undefined),
  }),
});
server.start();

function open(setup) {
  const client = new RSocketClient({
    setup: { keepAlive: 300, lifetime: 5000, dataMimeType: 'text/plain', metadataMimeType: 'text/plain', payload: { data: 'hello', metadata: 'token sesame-4711' }, ...setup },
    transport: new RSocketWebSocketClient({ url: `ws://127.0.0.1:${port}/rsocket`, wsCreator: (url) => new WebSocket(url) }),
  });
  return new Promise((resolve, reject) => client.connect().subscribe({ onComplete: (socket) => resolve([socket, client]), onError: reject, onSubscribe() {} }));
}
const one = (single) => new Promise((resolve) => single.subscribe({ onComplete: resolve, onError: resolve, onSubscribe() {} }));
function all(flowable, first, then, stopAfter = Infinity) {
  return new Promise((resolve) => {
    let subscription;
    let seen = 0;
    flowable.subscribe({
      onSubscribe: (it) => { subscription = it; it.request(first); }, onComplete: resolve, onError: resolve,
      onNext: () => { seen++; if (seen === stopAfter) { subscription.cancel(); resolve(); } else if (seen === first && then) subscription.request(then); },
    });
  });
}

async function main() {
  await wait(200);
  const [socket, client] = await open({});
  await one(socket.requestResponse({ data: 'Grüße, 世界', metadata: 'route' }));
  await one(socket.requestResponse({ data: 'fail' }));
  await all(socket.requestStream({ data: '3' }), 2, 5);
  await all(socket.requestStream({ data: '100' }), 3, 0, 3);
  await all(socket.requestChannel(Flowable.just({ data: 'tea' }, { data: 'coffee' })), 10);
  socket.fireAndForget({ data: 'nothing comes back' });
  socket.metadataPush({ metadata: 'pushed' });
  let stop;
  socket.requestResponse({ data: 'never' }).subscribe({ onSubscribe: (cancel) => { stop = cancel; }, onComplete() {}, onError() {} });
  await wait(50);
  stop();
  await wait(700);
  client.close();
  await wait(150);
  process.exit(0);
}
main();
