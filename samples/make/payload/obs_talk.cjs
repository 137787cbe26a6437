// node obs_talk.cjs PORT json|msgpack: obs-websocket 5: npm obs-websocket-js with a small server (OBS itself has no place in a laboratory
// without a screen). The log is what each end hands to its encoder.
const { WebSocketServer } = require('ws');
const { createHash } = require('node:crypto');
const { encode, decode } = require('@msgpack/msgpack');
const { said, wait } = require('./said.cjs');

const [port, format] = process.argv.slice(2);
const protocol = `obswebsocket.${format}`;
const { OBSWebSocket } = require(`${process.env.NODE_PATH}/obs-websocket-js/dist/${format}.cjs`);

function say(connection, from, { op, d }) {
  const fields = { 'obs.op': op };
  for (const [key, name] of [['requestType', 'request_type'], ['requestId', 'request_id'], ['eventType', 'event_type']]) if (d?.[key] !== undefined) fields[`obs.${name}`] = d[key];
  if (d?.requestStatus) fields['obs.code'] = d.requestStatus.code;
  said(connection, from, 'obs', fields);
}
const digest = (...words) => createHash('sha256').update(words.join('')).digest('base64');

let accepted = 0;
new WebSocketServer({ port: Number(port), host: '127.0.0.1', handleProtocols: () => protocol }).on('connection', (socket) => {
  const number = ++accepted;
  const send = (op, d) => { say(number, 'server', { op, d }); socket.send(format === 'json' ? JSON.stringify({ op, d }) : encode({ op, d })); };
  const answer = ({ requestType, requestId }) => ({
    requestType, ...(requestId && { requestId }),
    ...(requestType === 'GetVersion' ? { requestStatus: { result: true, code: 100 }, responseData: { obsVersion: '30.0.0', rpcVersion: 1, platformDescription: 'Grüße' } }
      : requestType === 'Sleep' || requestType === 'SetCurrentProgramScene' ? { requestStatus: { result: true, code: 100 } }
        : { requestStatus: { result: false, code: 204, comment: 'Unknown request type' } }),
  });
  const [salt, challenge] = ['c2FsdA==', 'Y2hhbGxlbmdl'];
  send(0, { obsWebSocketVersion: '5.3.3', rpcVersion: 1, authentication: { challenge, salt } });
  socket.on('message', (data, binary) => {
    const { op, d } = binary ? decode(data) : JSON.parse(data.toString());
    if (op === 1) {
      if (d.authentication !== digest(digest('sesame-4711', salt), challenge)) { socket.close(4009, 'Authentication failed.'); return; }
      send(2, { negotiatedRpcVersion: 1 });
    }
    if (op === 3) send(2, { negotiatedRpcVersion: 1 });
    if (op === 6) {
      send(7, answer(d));
      if (d.requestType === 'SetCurrentProgramScene') send(5, { eventType: 'CurrentProgramSceneChanged', eventIntent: 4, eventData: d.requestData });
    }
    if (op === 8) send(9, { requestId: d.requestId, results: d.requests.map(answer) });
  });
});

let connections = 0;
function open() {
  const number = ++connections;
  const it = new OBSWebSocket();
  const { message } = it;
  it.message = async function (op, d) { say(number, 'client', { op, d }); return message.call(this, op, d); };
  return it;
}

async function main() {
  const it = open();
  await it.connect(`ws://127.0.0.1:${port}`, 'sesame-4711', { rpcVersion: 1 });
  await it.call('GetVersion');
  const changed = new Promise((resolve) => it.once('CurrentProgramSceneChanged', resolve));
  await it.call('SetCurrentProgramScene', { sceneName: 'Tea 茶' });
  await changed;
  await it.call('NoSuchRequest').catch(() => {});
  await it.reidentify({ eventSubscriptions: 5 });
  await it.callBatch([{ requestType: 'GetVersion' }, { requestType: 'Sleep', requestData: { sleepMillis: 1 } }, { requestType: 'Nope' }]);
  await it.disconnect();
  await wait(100);
  await open().connect(`ws://127.0.0.1:${port}`, 'wrong-0000').catch(() => {});
  await wait(100);
  process.exit(0);
}
main();
