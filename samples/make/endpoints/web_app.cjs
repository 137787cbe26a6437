// Web applications that also serve WebSockets, each as its framework is used. usage: KIND PORT [ADDRESS]
const http = require('node:http');

const [kind, port, address = '127.0.0.1'] = process.argv.slice(2);

function socketIo() {
  const { Server } = require('socket.io');
  const server = http.createServer();
  new Server(server, { allowEIO3: true });
  return server;
}

// Ordinary requests are Express's, upgrades go to npm ws; `page` answers every other path with the application's page.
function express(page) {
  const application = require('express')();
  application.get('/health', (request, response) => response.json({ ok: true }));
  if (page) application.use((request, response) => response.send('<!doctype html><title>Shop</title><div id="root"></div><script src="/main.js"></script>'));
  const server = http.createServer(application);
  const { WebSocketServer } = require('ws');
  new WebSocketServer({ server, path: '/chat' }).on('connection', (socket) => socket.on('message', (data, binary) => socket.send(data, { binary })));
  return server;
}

// No WebSocket anywhere: what a wrong address looks like.
function expressAlone() {
  return http.createServer(require('express')());
}

// Closes each WebSocket on its first message, so that a client's attempts follow each other at once.
function brief() {
  const server = http.createServer();
  const { WebSocketServer } = require('ws');
  new WebSocketServer({ server }).on('connection', (socket) => socket.on('message', () => socket.close(1000)));
  return server;
}

// Vite's development server with a proxy that passes no upgrades on.
function vite() {
  const root = require('node:fs').mkdtempSync(require('node:path').join(require('node:os').tmpdir(), 'vite-'));
  const path = require.resolve('vite').replace(/(node_modules\/vite\/).*/, '$1dist/node/index.js');
  const listen = async (number, host, done) => {
    const { createServer } = await import(path);
    const server = { host, port: number, proxy: { '/chat': 'http://127.0.0.3:9000' } };
    await (await createServer({ root, configFile: false, server })).listen();
    done();
  };
  return { listen };
}

const kinds = { 'socket-io': socketIo, express: () => express(false), page: () => express(true), 'express-alone': expressAlone, brief, vite };
kinds[kind]().listen(Number(port), address, () => console.log('ready'));
