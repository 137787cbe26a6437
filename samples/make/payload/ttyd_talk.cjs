// node ttyd_talk.cjs DEVTOOLS PORT OTHER: ttyd's own page in a headless Chromium that listens on DEVTOOLS. The page itself, which is large,
// comes from the ttyd on OTHER and not over the wire. Its WebSocket is wrapped before the
// page's script runs: what the page sends and gets is logged there, with the names that ttyd's client has for the commands.
const CDP = require('chrome-remote-interface');
const { said, wait } = require('./said.cjs');

const [devtools, port, other] = process.argv.slice(2).map(Number);
const NAMES = { client: { '{': 'init', 0: 'input', 1: 'resize', 2: 'pause', 3: 'resume' }, server: { 0: 'output', 1: 'title', 2: 'preferences' } };
let count = 0;
function log({ connection, side, kind, base64 }) {
  count += 1;
  process.stdout.write(JSON.stringify({ observer: 'client', connection, side, kind, base64 }) + '\n');
  if (kind === 'text' || kind === 'binary') said(connection, side, 'ttyd', { 'ttyd.command': NAMES[side][String.fromCharCode(Buffer.from(base64, 'base64')[0])] });
}
// Runs in the page.
function wrap() {
  let opened = 0;
  const tell = (connection, side, kind, data) => {
    const bytes = typeof data === 'string' ? new TextEncoder().encode(data) : new Uint8Array(data);
    lab(JSON.stringify({ connection, side, kind, base64: btoa(String.fromCharCode(...bytes)) }));
  };
  const kindOf = (data) => (typeof data === 'string' ? 'text' : 'binary');
  const { WebSocket } = globalThis;
  globalThis.WebSocket = class extends WebSocket {
    constructor(...words) {
      super(...words);
      const number = ++opened;
      this.addEventListener('message', ({ data }) => tell(number, 'server', kindOf(data), data));
      this.send = (data) => { tell(number, 'client', kindOf(data), data); super.send(data); };
    }
  };
}

async function main() {
  const page = await CDP({ port: devtools, local: true });
  page.on('Runtime.bindingCalled', ({ payload }) => log(JSON.parse(payload)));
  await page.send('Runtime.enable');
  await page.send('Runtime.addBinding', { name: 'lab' });
  await page.send('Page.enable');
  await page.send('Page.addScriptToEvaluateOnNewDocument', { source: `(${wrap})()` });
  const size = (width, height) => page.send('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile: false });
  const type = async (text) => { for (const letter of text) await page.send('Input.dispatchKeyEvent', { type: 'char', text: letter }); };
  const body = Buffer.from(await (await fetch(`http://127.0.0.1:${other}/`)).arrayBuffer()).toString('base64');
  page.on('Fetch.requestPaused', ({ requestId }) => page.send('Fetch.fulfillRequest', {
    requestId, responseCode: 200, responseHeaders: [{ name: 'Content-Type', value: 'text/html' }], body,
  }));
  await page.send('Fetch.enable', { patterns: [{ urlPattern: `http://127.0.0.1:${port}/` }] });
  await size(500, 300);
  await page.send('Page.navigate', { url: `http://127.0.0.1:${port}/` });
  for (let waited = 0; count < 4 && waited < 20000; waited += 100) await wait(100);
  await wait(500);
  await type('echo Grüße\r');
  await wait(500);
  await size(700, 400);
  await wait(700);
  await type('exit\r');
  await wait(1000);
  process.exit(0);
}
main();
