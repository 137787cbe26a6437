// A client of npm ws whose event loop is blocked, as by a long computation: it says hello, computes for MS milliseconds and lives on. usage: URI MS
const { WebSocket } = require('ws');

const [uri, ms] = process.argv.slice(2);
const socket = new WebSocket(uri, { perMessageDeflate: false });
socket.on('open', () => socket.send('hello'));
socket.on('message', () => setTimeout(() => {
  const until = Date.now() + Number(ms);
  while (Date.now() < until);
}, 100));
socket.on('error', (error) => console.log(`error: ${error.message}`));
socket.on('close', (code, reason) => { console.log(`ended with ${code} ${reason}`.trim()); process.exit(0); });
