// Node's own HTTP/2 server with SETTINGS_ENABLE_CONNECT_PROTOCOL; npm `ws` speaks inside the streams. usage: PORT
const http2 = require('node:http2');
const { WebSocket } = require('ws');

const server = http2.createServer({ settings: { enableConnectProtocol: true } });
server.on('stream', (stream, headers) => {
  if (headers[':method'] !== 'CONNECT' || headers[':protocol'] !== 'websocket') {
    stream.respond({ ':status': 404 });
    stream.end('nothing here');
    return;
  }
  stream.respond({ ':status': 200 });
  const socket = new WebSocket(null, undefined, {});
  socket._isServer = true;
  socket.setSocket(stream, Buffer.alloc(0), { maxPayload: 1 << 20 });
  socket.on('message', (data, binary) => socket.send(data, { binary }));
});
server.listen(Number(process.argv[2]), '127.0.0.1', () => console.log('ready'));
process.on('SIGTERM', () => process.exit(0));
