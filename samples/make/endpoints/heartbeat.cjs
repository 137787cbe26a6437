// npm ws with the heartbeat of its manual: a ping each PERIOD ms, and terminate() when no pong has come by the next one. usage: PORT PERIOD
const { WebSocketServer } = require('ws');

const [port, period] = process.argv.slice(2).map(Number);
const server = new WebSocketServer({ port, host: '127.0.0.1' });
server.on('connection', (socket) => {
  socket.isAlive = true;
  socket.on('pong', () => { socket.isAlive = true; });
  socket.on('message', (data, binary) => socket.send(data, { binary }));
  socket.on('close', (code) => console.log(`ended with ${code}`));
  socket.on('error', (error) => console.log(`error: ${error.message}`));
});
setInterval(() => {
  server.clients.forEach((socket) => {
    if (!socket.isAlive) { console.log('no pong: terminate()'); return socket.terminate(); }
    socket.isAlive = false;
    socket.ping();
  });
}, period);
