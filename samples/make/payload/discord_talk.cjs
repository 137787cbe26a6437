// node discord_talk.cjs PORT: Discord's gateway: npm @discordjs/ws with a small server. Three connections: plain, compress=zlib-stream
// (one zlib stream for the connection, a message of it cut in two), and single messages compressed on request.
const zlib = require('node:zlib');
const { WebSocketServer } = require('ws');
const { WebSocketManager, CompressionMethod } = require('@discordjs/ws');
const { said, numberOf, wait } = require('./said.cjs');
const { watchJson } = require('./json_said.cjs');

const port = Number(process.argv[2]);
function unit({ op, t, s }) {
  return { protocol: 'discord', fields: { 'discord.op': op, ...(t && { 'discord.t': t }), ...(typeof s === 'number' && { 'discord.s': s }) } };
}
// What the server sends it says itself, for most of it is not sent as the text it was.
watchJson((message, { from }) => (from === 'client' && message.op !== undefined ? unit(message) : undefined));

const { stringify } = JSON;
const wss = new WebSocketServer({ port, host: '127.0.0.1' });
wss.on('connection', (socket, request) => {
  const stream = request.url.includes('compress=zlib-stream') && zlib.createDeflate();
  let waiting = Promise.resolve();
  let sequence = 0;
  let each = false;
  const send = (message) => {
    const { protocol, fields } = unit(message);
    waiting = waiting.then(() => new Promise((resolve) => {
      said(numberOf(socket), 'server', protocol, fields);
      if (each) { socket.send(zlib.deflateSync(stringify(message))); resolve(); return; }
      if (!stream) { socket.send(stringify(message)); resolve(); return; }
      stream.write(stringify(message));
      stream.flush(zlib.constants.Z_SYNC_FLUSH, () => {
        const bytes = stream.read();
        const cut = message.t === 'GUILD_CREATE' ? 60 : bytes.length;
        socket.send(bytes.subarray(0, cut));
        if (cut < bytes.length) socket.send(bytes.subarray(cut));
        resolve();
      });
    }));
  };
  const dispatch = (t, d) => send({ op: 0, s: ++sequence, t, d });
  send({ op: 10, s: null, t: null, d: { heartbeat_interval: 250 } });
  socket.on('message', (text) => {
    const { op, d } = JSON.parse(text.toString());
    if (op === 1) send({ op: 11, s: null, t: null });
    if (op !== 2) return;
    if (d.token !== 'sesame-4711') { waiting.then(() => socket.close(4004, 'Authentication failed.')); return; }
    each = d.compress === true;
    dispatch('READY', { v: 10, user: { id: '1', username: 'ada' }, session_id: 'S1', resume_gateway_url: `ws://127.0.0.1:${port}` });
    dispatch('GUILD_CREATE', { id: '7', name: 'Grüße, 世界', members: Array.from({ length: 12 }, (_, n) => ({ user: { id: String(n), username: `member ${n * 7919}` } })) });
    dispatch('MESSAGE_CREATE', { id: '8', content: 'hello' });
  });
});

async function talk(options, token = 'sesame-4711') {
  const manager = new WebSocketManager({
    token, intents: 513, compression: null, shardCount: 1, ...options,
    rest: { setToken() { return this; }, get: async () => ({ url: `ws://127.0.0.1:${port}`, shards: 1, session_start_limit: { total: 9, remaining: 9, reset_after: 0, max_concurrency: 1 } }) },
  });
  manager.on('error', () => {});
  const failed = new Promise((resolve) => manager.on('closed', resolve));
  await Promise.race([manager.connect().catch(() => {}), failed, wait(1500)]);
  if (token !== 'sesame-4711') { await wait(100); return; }
  await manager.send(0, { op: 3, d: { since: null, activities: [], status: 'idle', afk: false } });
  await manager.send(0, { op: 8, d: { guild_id: '7', query: '', limit: 0 } });
  await wait(600);
  await manager.destroy();
  await wait(100);
}
wss.on('listening', async () => {
  await talk({});
  await talk({ compression: CompressionMethod.ZlibNative });
  await talk({ useIdentifyCompression: true });
  await talk({}, 'wrong-0000');
  process.exit(0);
});
