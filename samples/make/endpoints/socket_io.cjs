// Socket.IO on both ends: long polling first, then the upgrade to a WebSocket, events, acknowledgements, a binary attachment.
const { createServer } = require('node:http');
const { Server } = require('socket.io');
const { io: connect } = require('socket.io-client');

const port = Number(process.argv[2]);
const transports = process.argv[3] === 'websocket' ? ['websocket'] : ['polling', 'websocket'];
const http = createServer();
const io = new Server(http, { pingInterval: 400, pingTimeout: 2000 });
io.of('/chat').on('connection', (socket) => {
  socket.on('hello', (name, acknowledge) => acknowledge(`hello ${name}`));
  socket.on('bytes', (data) => socket.emit('bytes back', { size: data.length, data }));
});
http.listen(port, '127.0.0.1', () => {
  const socket = connect(`http://127.0.0.1:${port}/chat`, { transports });
  const talk = () => socket.emit('hello', 'world', () => {
    socket.once('bytes back', () => setTimeout(() => { socket.disconnect(); setTimeout(() => process.exit(0), 200); }, 1000));
    socket.emit('bytes', Buffer.from([1, 2, 3, 250, 251, 252]));
  });
  socket.on('connect', () => (socket.io.engine.transport.name === 'websocket' ? setTimeout(talk, 50) : socket.io.engine.once('upgrade', () => setTimeout(talk, 50))));
});
