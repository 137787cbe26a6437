// A client of npm ws that ends TCP in mid-message. usage: URI terminate|destroy|reset
const { WebSocket } = require('ws');

const [uri, how] = process.argv.slice(2);
const socket = new WebSocket(uri, { perMessageDeflate: false });
socket.on('error', (error) => console.log(`error: ${error.message}`));
socket.on('close', (code) => { console.log(`ended with ${code}`); process.exit(0); });
socket.on('open', () => {
  socket.send('the first part, ', { fin: false });
  socket.send('the second part, ', { fin: false });
  setTimeout(() => (how === 'reset' ? socket._socket.resetAndDestroy() : socket.terminate()), 200);
});
