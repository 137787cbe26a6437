// node peerjs_talk.cjs PORT PROFILE: PeerJS signalling: npm peer as the server, npm peerjs in Chromium, two peers of one page. The log is
// what the server makes of and into JSON.
const { spawn } = require('node:child_process');
const { readFileSync } = require('node:fs');
const http = require('node:http');
const { wait } = require('./said.cjs');
const { watchJson } = require('./json_said.cjs');
watchJson((message) => {
  if (message.type === undefined) return undefined;
  return { protocol: 'peerjs', fields: { 'peerjs.type': message.type, ...(message.src !== undefined && { 'peerjs.src': message.src }), ...(message.dst !== undefined && { 'peerjs.dst': message.dst }) } };
});
require('ws');
const { PeerServer } = require(`${process.env.NODE_PATH}/peer/dist/index.cjs`);

const [port, profile] = process.argv.slice(2);
PeerServer({ port: Number(port), host: '127.0.0.1', path: '/lab', alive_timeout: 60_000, expire_timeout: 500, cleanup_out_msgs: 200 });
const pages = http.createServer((request, response) => {
  if (request.method === 'POST') { response.end(); browser.kill(); wait(300).then(() => process.exit(0)); return; }
  const script = request.url.startsWith('/peerjs.js');
  response.setHeader('content-type', script ? 'text/javascript' : 'text/html; charset=utf-8');
  response.end(readFileSync(script ? `${process.env.NODE_PATH}/peerjs/dist/peerjs.min.js` : `${__dirname}/peerjs.html`));
});
let browser;
pages.listen(8000, '127.0.0.1', () => {
  browser = spawn('chromium', ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-component-update',
    `--user-data-dir=${profile}`, `http://127.0.0.1:8000/?port=${port}`], { stdio: 'ignore' });
});
