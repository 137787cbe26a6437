// node stomp_talk.cjs URL [binary]: @stomp/stompjs with a broker: receipts, acks, transactions, heart-beats, errors, versions 1.0 to 1.2.
// With `binary` a body is not UTF-8 (a broker that sends text frames cannot deliver it).
const { Client, Versions } = require('@stomp/stompjs');
const { said, wait } = require('./said.cjs');
const { stompUnits } = require('./stomp_said.cjs');
global.WebSocket = require('ws').WebSocket;

const [url, binary] = process.argv.slice(2);
let connections = 0;

// Resolves with the client when it is connected, or when the broker has refused it.
function connect(options) {
  const connection = ++connections;
  const unit = stompUnits();
  return new Promise((resolve) => {
    const client = new Client({
      brokerURL: url, reconnectDelay: 0, heartbeatIncoming: 0, heartbeatOutgoing: 0, connectHeaders: { login: 'guest', passcode: 'guest', host: '/' },
      debug: (line) => { const found = unit(line); if (found) said(connection, found.from, 'stomp', found.fields); },
      onConnect: () => resolve(client), onStompError: (frame) => { client.failed?.(frame); resolve(client); }, onWebSocketClose: () => client.closed?.(),
      ...options,
    });
    client.activate();
  });
}
const receipt = (client, id) => new Promise((resolve) => client.watchForReceipt(id, resolve));
const closed = (client) => new Promise((resolve) => { client.closed = resolve; });

async function orders() {
  const client = await connect({ heartbeatIncoming: 300, heartbeatOutgoing: 300 });
  const seen = [];
  const arrived = (count) => new Promise((resolve) => { const look = () => (seen.length >= count ? resolve() : setTimeout(look, 10)); look(); });
  client.subscribe('/queue/orders', (message) => seen.push(message), { ack: 'client-individual', id: 'orders-1', receipt: 'r-1' });
  client.subscribe('/topic/news.#', (message) => seen.push(message), { ack: 'auto' });
  await receipt(client, 'r-1');
  client.publish({ destination: '/queue/orders', body: '{"order":1,"amount":12.50}', headers: { 'content-type': 'application/json', receipt: 'r-2' } });
  client.publish({ destination: '/topic/news.local', body: 'Grüße\nsecond line', headers: { note: 'colon: and \\ and\nline' } });
  client.publish({ destination: '/queue/orders', binaryBody: Uint8Array.from(binary ? [0, 1, 2, 0, 254, 255] : [0, 1, 2, 0, 65, 10]), headers: { 'content-type': 'application/octet-stream' } });
  client.publish({ destination: '/queue/orders', body: 'no length', skipContentLengthHeader: true });
  await arrived(4);
  const mine = seen.filter((message) => message.headers.subscription === 'orders-1');
  mine[0].ack({ receipt: 'r-3' });
  mine[1].nack();
  mine[2].ack();
  await receipt(client, 'r-3');
  const kept = client.begin('tx-1');
  client.publish({ destination: '/topic/news.local', body: 'in a transaction', headers: { transaction: kept.id } });
  kept.commit();
  const dropped = client.begin('tx-2');
  client.publish({ destination: '/topic/news.local', body: 'never seen', headers: { transaction: dropped.id } });
  dropped.abort();
  await arrived(5);
  await wait(1500);
  client.unsubscribe('orders-1', { receipt: 'r-4' });
  await receipt(client, 'r-4');
  const end = closed(client);
  await client.deactivate();
  await end;
}

async function main() {
  await orders();
  const refused = await connect({ connectHeaders: { login: 'guest', passcode: 'wrong-0000' } });
  await Promise.race([closed(refused), wait(500)]);
  await refused.deactivate();
  const pieces = await connect({ splitLargeFrames: true, maxWebSocketChunkSize: 40, stompVersions: new Versions(['1.1']) });
  pieces.publish({ destination: '/queue/long', body: 'in pieces of forty bytes '.repeat(8), headers: { receipt: 'r-5' } });
  await receipt(pieces, 'r-5');
  await pieces.deactivate();
  const binary = await connect({ forceBinaryWSFrames: true, stompVersions: new Versions(['1.0']) });
  binary.publish({ destination: '/topic/nowhere', body: 'sent as binary', headers: { receipt: 'r-6' } });
  await receipt(binary, 'r-6');
  const gone = closed(binary);
  binary.publish({ destination: '/no/such/place', body: 'x' });
  await Promise.race([gone, wait(1000)]);
  await wait(200);
  process.exit(0);
}
main();
