// WebSockets over TLS 1.2 with suites that only old OpenSSL has, between npm ws 7 servers and clients under Node 8. One JSON line a connection with its
// master secret, which the session holds, and one a message, as lab.Log.take reads them. usage: CERTIFICATE KEY PORT SUITE...
const fs = require('fs');
const https = require('https');
const WebSocket = require('ws');

const [cert, key, port, ...suites] = process.argv.slice(2);
const log = (observer, connection, side, kind, data) => console.log(JSON.stringify({ observer, connection, side, kind, base64: Buffer.from(data).toString('base64') }));
const closing = (code) => Buffer.from([code >> 8, code & 255]);

// SSL_SESSION in ASN.1: version, TLS version, suite, session id, master secret.
function masterSecret(session) {
  let at = session[1] & 0x80 ? 2 + (session[1] & 0x7f) : 2;
  for (let n = 0; n < 4; n++) at += 2 + session[at + 1];
  return session.slice(at + 2, at + 2 + session[at + 1]).toString('hex');
}

function once(number, suite) {
  return new Promise((done) => {
    const server = https.createServer({ cert: fs.readFileSync(cert), key: fs.readFileSync(key), ciphers: suite, secureProtocol: 'TLSv1_2_method' });
    new WebSocket.Server({ server, perMessageDeflate: false }).on('connection', (socket) => {
      socket.on('message', (text) => { log('server', number, 'client', 'text', text); log('server', number, 'server', 'text', text); socket.send(text); });
      socket.on('close', (code) => { log('server', number, 'client', 'close', closing(code)); log('server', number, 'server', 'close', closing(code)); });
    });
    server.listen(Number(port), '127.0.0.1', () => {
      const client = new WebSocket(`wss://127.0.0.1:${port}/chat`, { ciphers: suite, rejectUnauthorized: false, secureProtocol: 'TLSv1_2_method', perMessageDeflate: false });
      client.on('open', () => {
        console.log(JSON.stringify({ suite: client._socket.getCipher().name, master: masterSecret(client._socket.getSession()) }).replace(/^/, '#'));
        log('client', number, 'client', 'text', `hello over ${suite}`);
        client.send(`hello over ${suite}`);
      });
      client.on('message', (text) => { log('client', number, 'server', 'text', text); log('client', number, 'client', 'close', closing(1000)); client.close(1000); });
      client.on('close', (code) => { log('client', number, 'server', 'close', closing(code)); server.close(() => setTimeout(done, 100)); });
      client.on('error', (error) => { console.error(error.message); process.exit(1); });
    });
  });
}

(async () => { for (let n = 0; n < suites.length; n++) await once(n + 1, suites[n]); process.exit(0); })();
