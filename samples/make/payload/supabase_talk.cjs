// node supabase_talk.cjs PORT: Supabase Realtime, which is Phoenix channels with two more binary frames, for users' broadcasts. The client is
// npm @supabase/realtime-js with vsn=2.0.0; the server is a few lines here. The log is what the client's serialiser is given and gives.
const { WebSocketServer, WebSocket } = require('ws');
const { default: Serializer } = require(`${process.env.NODE_PATH}/@supabase/realtime-js/dist/main/lib/serializer.js`);
const { RealtimeClient } = require('@supabase/realtime-js');
const { said, wait } = require('./said.cjs');

const port = Number(process.argv[2]);

function say(from, message) {
  const fields = { 'phoenix.topic': message.topic, 'phoenix.event': message.event };
  const put = (name, value) => { if (value !== undefined && value !== null) fields[name] = value; };
  put('phoenix.ref', message.ref);
  put('phoenix.join_ref', message.join_ref);
  if (message.event === 'broadcast') put('phoenix.user_event', message.payload.event);
  if (message.event === 'phx_reply') put('phoenix.status', message.payload.status);
  said(1, from, 'phoenix', fields);
}
const { encode, decode } = Serializer.prototype;
Serializer.prototype.encode = function (message, done) { say('client', message); return encode.call(this, message, done); };
Serializer.prototype.decode = function (data, done) { return decode.call(this, data, (message) => { say('server', message); return done(message); }); };

// --- the server ---
// A broadcast comes with six lengths and encodings in front, and goes on with four: topic, event, metadata, encoding.
function broadcast(data) {
  const [, joinLength, refLength, topicLength, eventLength, metadataLength, encoding] = data;
  let at = 7;
  const take = (length) => data.subarray(at, (at += length));
  const [, , topic, event] = [joinLength, refLength, topicLength, eventLength].map(take);
  take(metadataLength);
  const metadata = Buffer.from(event.toString() === 'picture' ? '' : '{"replayed":true}');
  return Buffer.concat([Buffer.from([4, topic.length, event.length, metadata.length, encoding]), topic, event, metadata, data.subarray(at)]);
}
new WebSocketServer({ port, host: '127.0.0.1' }).on('connection', (socket) => socket.on('message', (data, binary) => {
  if (binary) return socket.send(broadcast(data));
  const [joinRef, ref, topic, event] = JSON.parse(data.toString());
  const send = (...message) => socket.send(JSON.stringify(message));
  const is_refused = topic === 'realtime:secret';
  send(joinRef, ref, topic, 'phx_reply', is_refused ? { status: 'error', response: { reason: 'Unauthorized' } } : { status: 'ok', response: { postgres_changes: [] } });
  if (event === 'phx_join' && !is_refused) send(null, null, topic, 'presence_state', {});
  return undefined;
}));

// --- the client ---
const subscribed = (channel) => new Promise((resolve) => channel.subscribe(resolve));
async function talk() {
  const client = new RealtimeClient(`ws://127.0.0.1:${port}/realtime/v1`, { params: { apikey: 'sesame-4711' }, vsn: '2.0.0', heartbeatIntervalMs: 300, transport: WebSocket });
  client.connect();
  const room = client.channel('room:tea', { config: { broadcast: { self: true }, presence: { key: 'ada' } } });
  room.on('broadcast', { event: '*' }, () => {});
  await subscribed(room);
  await room.send({ type: 'broadcast', event: 'cursor', payload: { x: 1, word: 'Grüße' } });
  await room.send({ type: 'broadcast', event: 'picture', payload: new Uint8Array([0, 1, 2, 250, 255]).buffer });
  await room.track({ user: 'ada' });
  await subscribed(client.channel('secret'));
  await wait(700);
  await client.removeChannel(room);
  await client.disconnect();
  await wait(100);
  process.exit(0);
}
talk();
