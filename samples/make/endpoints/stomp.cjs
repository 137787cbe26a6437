// STOMP 1.2 over a WebSocket: stomp-broker-js as the broker, @stomp/stompjs as the client; heart-beats every 300 ms.
const { createServer } = require('node:http');
const Broker = require('stomp-broker-js');
const { Client } = require('@stomp/stompjs');
global.WebSocket = require('ws').WebSocket;

const port = Number(process.argv[2]);
const http = createServer();
const broker = new Broker({ server: http, path: '/stomp', heartbeat: [300, 300] });
broker.subscribe('/topic/orders', (body) => broker.send('/topic/confirmed', {}, `confirmed: ${body}`));
http.listen(port, '127.0.0.1', () => {
  const client = new Client({
    brokerURL: `ws://127.0.0.1:${port}/stomp`, reconnectDelay: 0, heartbeatIncoming: 300, heartbeatOutgoing: 300,
    onConnect: () => {
      let left = 2;
      client.subscribe('/topic/confirmed', () => { if (--left === 0) setTimeout(finish, 700); });
      setTimeout(() => {
        client.publish({ destination: '/topic/orders', body: '{"order":1}', headers: { 'content-type': 'application/json' } });
        client.publish({ destination: '/topic/orders', body: 'plain words' });
      }, 50);
    },
  });
  // The broker answers DISCONNECT with neither a RECEIPT nor a close, so the client closes by itself.
  const finish = () => { client.deactivate(); setTimeout(() => client.webSocket?.close(), 200); setTimeout(() => process.exit(0), 500); };
  client.activate();
});
