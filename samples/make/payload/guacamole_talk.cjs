// node guacamole_talk.cjs PORT: Guacamole: npm guacamole-lite as the server, npm guacamole-common-js's tunnel as the client. Behind the server
// stands a guacd of a few lines (Debian has none): it shakes hands and draws. The log is the instructions that the tunnel is asked to send
// and hands on, and those that the guacd makes.
const net = require('node:net');
const { createCipheriv, randomBytes } = require('node:crypto');
const http = require('node:http').createServer();
const { said, wait } = require('./said.cjs');
const { WebSocket } = require('ws');
const GuacamoleLite = require('guacamole-lite');

const port = Number(process.argv[2]);
const key = 'sesame-4711-sesame-4711-sesame-4';
const instruction = (...words) => `${words.map((word) => `${[...word].length}.${word}`).join(',')};`;

net.createServer((socket) => {
  const write = (...words) => socket.write(instruction(...words));
  let text = '';
  socket.on('data', (data) => {
    text += data;
    if (text.includes('6.select')) { text = ''; write('args', 'VERSION_1_5_0', 'hostname', 'port', 'password'); }
    if (text.includes('7.connect')) {
      text = '';
      write('ready', '$260d01da-779b-4ee9-afc1-c16bae885cc7');
      socket.write(instruction('size', '0', '1024', '768') + instruction('name', 'Grüße, 世界'));
      write('rect', '0', '0', '0', '64', '48');
      socket.write(instruction('cfill', '14', '0', '10', '20', '30', '255') + instruction('img', '1', '14', '0', 'image/png', '0', '0') + instruction('blob', '1', 'iVBORw0KGgo='));
      write('end', '1');
      write('sync', '1000');
    }
    if (text.includes('5.mouse')) { text = ''; write('cursor', '0', '0', '-1', '0', '0', '8', '8'); }
    if (text.includes('9.clipboard')) { text = ''; write('error', 'no clipboard here', '771'); setTimeout(() => socket.end(), 100); }
  });
  socket.on('error', () => {});
}).listen(4822, '127.0.0.1');

global.window = globalThis;
global.location = global.window.location = { protocol: 'http:', hostname: '127.0.0.1', port: String(port), pathname: '/' };
global.WebSocket = window.WebSocket = WebSocket;
const Guacamole = require(`${process.env.NODE_PATH}/guacamole-common-js/dist/cjs/guacamole-common.js`);

new GuacamoleLite({ server: http }, { host: '127.0.0.1', port: 4822 }, { crypt: { cypher: 'AES-256-CBC', key }, log: { level: 'QUIET' }, maxInactivityTime: 0 }, {
  processConnectionSettings: (settings, done) => done(null, settings),
});
function token(value) {
  const iv = randomBytes(16);
  const cipher = createCipheriv('AES-256-CBC', key, iv);
  const text = Buffer.concat([cipher.update(JSON.stringify(value)), cipher.final()]).toString('base64');
  return Buffer.from(JSON.stringify({ iv: iv.toString('base64'), value: text })).toString('base64');
}
http.listen(port, '127.0.0.1', async () => {
  const tunnel = new Guacamole.WebSocketTunnel(`ws://127.0.0.1:${port}/`);
  const { sendMessage } = tunnel;
  tunnel.onuuid = () => said(1, 'server', 'guacamole', { 'guacamole.opcode': '' });
  tunnel.sendMessage = (...words) => { if (tunnel.isConnected()) said(1, 'client', 'guacamole', { 'guacamole.opcode': String(words[0]) }); return sendMessage.apply(tunnel, words); };
  const synced = new Promise((resolve) => { tunnel.oninstruction = (opcode, words) => { said(1, 'server', 'guacamole', { 'guacamole.opcode': opcode }); if (opcode === 'sync') resolve([...words]); }; });
  const ended = new Promise((resolve) => { tunnel.onerror = resolve; tunnel.onstatechange = (state) => state === 2 && resolve(); });
  tunnel.connect(`token=${encodeURIComponent(token({ connection: { type: 'vnc', settings: { hostname: '192.0.2.1', port: '5900', password: 'sesame-4711' } } }))}`);
  tunnel.sendMessage('sync', (await synced)[0]);
  tunnel.sendMessage('mouse', 10, 20, 0);
  tunnel.sendMessage('key', 0x61, 1);
  tunnel.sendMessage('key', 0x61, 0);
  await wait(700);
  tunnel.sendMessage('clipboard', 0, 'text/plain');
  await Promise.race([ended, wait(1500)]);
  tunnel.disconnect();
  await wait(200);
  process.exit(0);
});
