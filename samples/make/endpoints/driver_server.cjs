// An echo server on npm `websocket-driver`, which still speaks the drafts hixie-75, hixie-76 and hybi. usage: PORT [ADDRESS] [PACKAGE]
const http = require('node:http');
const websocket = require(process.argv[4] ?? 'websocket-driver');

const server = http.createServer();
server.on('upgrade', (request, socket, body) => {
  const driver = websocket.http(request);
  driver.io.write(body);
  socket.pipe(driver.io).pipe(socket);
  driver.messages.on('data', (message) => driver.text(message));
  driver.start();
});
server.listen(Number(process.argv[2]), process.argv[3] ?? '127.0.0.1', () => console.log('ready'));
