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

const kinds = { 'socket-io': socketIo, express: () => express(false), page: () => express(true), 'express-alone': expressAlone };
kinds[kind]().listen(Number(port), address, () => console.log('ready'));
