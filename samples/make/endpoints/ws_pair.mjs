// npm `ws` on both ends. usage: ws_pair.mjs SCENARIO-JSON
// {"port", "server": options, "connections": [{"client": options, "steps": [...]}]}; each step is sent by one side and its
// arrival awaited at the other ("after": how many connections came before these). What each side receives is logged by its own events.
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
const require = createRequire(process.env.NODE_PATH + '/');
const { WebSocket, WebSocketServer } = require('ws');
const https = require('node:https');
const { appendFileSync } = require('node:fs');
const { constants } = require('node:crypto');

const scenario = JSON.parse(process.argv[2]);

function log(observer, connection, side, kind, data) {
  console.log(JSON.stringify({ observer, connection, side, kind, base64: Buffer.from(data).toString('base64') }));
}

function watch(socket, observer, connection) {
  const side = observer === 'client' ? 'server' : 'client';
  socket.arrived = 0;
  const arrived = () => { socket.arrived += 1; socket.emit('arrived'); };
  socket.on('message', (data, binary) => { log(observer, connection, side, binary ? 'binary' : 'text', data); arrived(); });
  socket.on('ping', (data) => { log(observer, connection, side, 'ping', data); arrived(); });
  socket.on('pong', (data) => { log(observer, connection, side, 'pong', data); arrived(); });
  socket.on('close', (code, reason) => {
    if (code === 1006) return;
    const body = code === 1005 ? Buffer.alloc(0) : Buffer.concat([Buffer.from([code >> 8, code & 255]), reason]);
    log(observer, connection, side, 'close', body);
  });
}

// Resolves when `socket` has received `count` messages since `before`.
function received(socket, before, count) {
  return new Promise((resolve) => {
    const check = () => { if (socket.arrived >= before + count) { socket.off('arrived', check); resolve(); } };
    socket.on('arrived', check);
    check();
  });
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const body = (step) => (step.bytes ? Buffer.from(step.bytes, 'base64') : step.text ?? '');

// Several steps in one turn leave together; a fragment step is followed by more of the same message.
async function perform(steps, client, server) {
  for (const step of steps) {
    const [from, to] = step.by === 'server' ? [server, client] : [client, server];
    const before = to.arrived;
    if (step.kind === 'ping') from.ping(body(step));
    else if (step.kind === 'pong') from.pong(body(step));
    else if (step.kind === 'close') { from.close(step.code, step.reason); await new Promise((r) => to.once('close', r)); await pause(20); continue; }
    else from.send(body(step), { fin: step.fin ?? true, compress: step.compress ?? true, binary: Boolean(step.bytes) });
    if (step.fin === false) await pause(15);
    else await received(to, before, 1);
  }
}

// Resumption by session id: the server keeps the sessions and hands out no tickets.
function keepSessions(server) {
  const sessions = new Map();
  server.on('newSession', (id, data, done) => { sessions.set(id.toString('hex'), data); done(); });
  server.on('resumeSession', (id, done) => done(null, sessions.get(id.toString('hex')) ?? null));
}

let session;
const options = { ...scenario.server };
let web = null;
if (scenario.tls) {
  web = https.createServer({ key: readFileSync(scenario.tls.key), cert: readFileSync(scenario.tls.cert), ...scenario.tls.server,
    ...(scenario.tls.storeSessions ? { secureOptions: constants.SSL_OP_NO_TICKET } : {}) });
  if (scenario.tls.storeSessions) keepSessions(web);
  await new Promise((r) => web.listen(scenario.port, '127.0.0.1', r));
  options.server = web;
} else {
  options.port = scenario.port;
  options.host = '127.0.0.1';
}
const server = new WebSocketServer(options);
if (!web) await new Promise((r) => server.once('listening', r));
let number = scenario.after ?? 0;
for (const { client: clientOptions, path, protocols, steps } of scenario.connections) {
  number += 1;
  const n = number;
  const accepted = new Promise((resolve) => server.once('connection', (s) => { watch(s, 'server', n); resolve(s); }));
  const uri = `${scenario.tls ? 'wss' : 'ws'}://${scenario.tls ? 'localhost' : '127.0.0.1'}:${scenario.dial ?? scenario.port}${path ?? '/'}`;
  const client = new WebSocket(uri, protocols ?? [], { ...clientOptions, ...(scenario.tls?.client ?? {}),
    ...(scenario.tls ? { ca: readFileSync(scenario.tls.cert) } : {}), ...(scenario.tls?.resume && session ? { session } : {}) });
  watch(client, 'client', n);
  if (scenario.tls) {
    client._req.on('socket', (s) => {
      s.on('keylog', (line) => appendFileSync(scenario.tls.keylog, line));
      s.on('session', (data) => { session = data; });
    });
  }
  const peer = await accepted;
  if (client.readyState !== WebSocket.OPEN) await new Promise((r) => client.once('open', r));
  await perform(steps, client, peer);
  if (client.readyState !== WebSocket.CLOSED) {
    client.close();
    await new Promise((r) => client.once('close', r));
  }
  await pause(20);
}
server.close();
web?.close();
