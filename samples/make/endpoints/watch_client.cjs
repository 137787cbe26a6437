// A client of npm ws that connects N times, one after the other, and prints how each ended. usage: URI N [OPTIONS-AS-JSON]
const { WebSocket } = require('ws');

const [uri, times, options = '{}'] = process.argv.slice(2);
async function once() {
  await new Promise((done) => {
    const socket = new WebSocket(uri, { perMessageDeflate: false, handshakeTimeout: 3000, ...JSON.parse(options) });
    socket.on('open', () => socket.send('hello'));
    socket.on('error', (error) => console.log(`error: ${error.message}`));
    socket.on('unexpected-response', (request, response) => { console.log(`unexpected response: ${response.statusCode}`); request.destroy(); done(); });
    socket.on('close', (code, reason) => { console.log(`ended with ${code} ${reason}`.trim()); done(); });
  });
}
(async () => { for (let n = 0; n < Number(times); n++) await once(); })();
