// An echo server of npm ws that prints how each connection ended. usage: PORT [ADDRESS] [OPTIONS-AS-JSON]
const { WebSocketServer } = require('ws');

const [port, host = '127.0.0.1', options = '{}'] = process.argv.slice(2);
const server = new WebSocketServer({ port: Number(port), host, ...JSON.parse(options) });
server.on('connection', (connection) => {
  connection.on('message', (data, binary) => connection.send(data, { binary }));
  connection.on('error', (error) => console.log(`error: ${error.message}`));
  connection.on('close', (code, reason) => console.log(`ended with ${code} ${reason}`.trim()));
});
