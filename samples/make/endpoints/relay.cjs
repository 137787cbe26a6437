// A relay that is a WebSocket endpoint on both sides (npm ws): it takes messages apart and makes new frames of them, answers pings
// itself, agrees on compression with the client only, and is 40 ms late. usage: ADDRESS PORT UPSTREAM-URI
const { WebSocket, WebSocketServer } = require('ws');

const [address, port, upstream] = process.argv.slice(2);
const later = (action) => setTimeout(action, 40);
const server = new WebSocketServer({ host: address, port: Number(port), perMessageDeflate: { threshold: 0 } });
server.on('connection', (client, request) => {
  const other = new WebSocket(upstream + request.url, { perMessageDeflate: false });
  const waiting = [];
  const forward = (to) => (data, binary) => later(() => to.send(data, { binary }));
  client.on('message', (data, binary) => (other.readyState === WebSocket.OPEN ? forward(other)(data, binary) : waiting.push([data, binary])));
  other.on('open', () => waiting.forEach(([data, binary]) => other.send(data, { binary })));
  other.on('message', forward(client));
  client.on('close', (code, reason) => later(() => other.close(code === 1005 ? undefined : code, reason)));
  other.on('close', (code, reason) => later(() => client.close(code === 1005 ? undefined : code, reason)));
});
