// node vite_talk.mjs PORT FOLDER: Vite's hot module replacement: a Vite server over FOLDER, and a `ws` client of few words as its page's
// script is. The log is what the server makes JSON of and what the client makes.
import { createRequire } from 'node:module';
import { writeFileSync } from 'node:fs';

const require = createRequire(import.meta.url);
const { said, wait } = require('./said.cjs');
const { watchJson } = require('./json_said.cjs');
const { WebSocket } = require('ws');
watchJson(({ type, event }) => (type === undefined ? undefined : { protocol: 'vite-hmr', fields: { 'vite.type': type, ...(event && { 'vite.event': event }) } }));
const { createServer } = await import(`${process.env.NODE_PATH}/vite/dist/node/index.js`);

const [port, root] = process.argv.slice(2);
writeFileSync(`${root}/index.html`, '<script type="module" src="/main.js"></script>');
writeFileSync(`${root}/main.js`, "import './style.css'; import { tea } from './tea.js'; import.meta.hot.accept('./tea.js', () => {}); console.log(tea);");
writeFileSync(`${root}/tea.js`, 'export const tea = 1;');
writeFileSync(`${root}/style.css`, 'body { color: red; }');
const server = await createServer({ root, configFile: false, logLevel: 'silent', server: { host: '127.0.0.1', port: Number(port), strictPort: true, watch: { usePolling: true, interval: 50 } } });
await server.listen();
server.ws.on('lab:question', (data, client) => client.send('lab:answer', { text: `Grüße, ${data.name}` }));
const url = `ws://127.0.0.1:${port}/?token=${server.config.webSocketToken}`;
async function open(protocol) {
  const socket = new WebSocket(url, protocol);
  socket.on('message', (text) => JSON.parse(text));
  await new Promise((resolve) => socket.once('open', resolve));
  return socket;
}
const page = await open('vite-hmr');
for (const file of ['', 'main.js', 'tea.js', 'style.css']) await server.transformRequest(`/${file || 'index.html'}`).catch(() => {});
await fetch(`http://127.0.0.1:${port}/main.js`).then((answer) => answer.text());
await wait(300);
page.send(JSON.stringify({ type: 'custom', event: 'lab:question', data: { name: 'ada' } }));
await wait(100);
writeFileSync(`${root}/tea.js`, 'export const tea = 2;');
await wait(500);
writeFileSync(`${root}/style.css`, 'body { color: green; }');
await wait(500);
writeFileSync(`${root}/index.html`, '<script type="module" src="/main.js"></script><p>new');
await wait(500);
page.send(JSON.stringify({ type: 'ping' }));
server.ws.send({ type: 'error', err: { message: 'Transform failed', stack: '', plugin: 'lab', id: '/lab/tea.js' } });
await wait(100);
page.close();
const alive = await open('vite-ping');
await wait(50);
alive.close();
await wait(100);
process.exit(0);
