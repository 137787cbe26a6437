// MQTT 3.1.1 and 5 over WebSockets: mqtt.js as the client of a broker on the given port.
const mqtt = require('mqtt');

const port = Number(process.argv[2]);
async function talk(protocolVersion) {
  const client = await mqtt.connectAsync(`ws://127.0.0.1:${port}/mqtt`, { protocolVersion, keepalive: 1, clientId: `lab-${protocolVersion}` });
  await client.subscribeAsync('sensors/#', { qos: 1 });
  const arrived = new Promise((resolve) => client.once('message', resolve));
  await client.publishAsync('sensors/temperature', '21.5', { qos: 1, retain: false });
  await arrived;
  await new Promise((r) => setTimeout(r, 1300));
  await client.endAsync();
  await new Promise((r) => setTimeout(r, 100));
}
talk(4).then(() => talk(5)).then(() => process.exit(0));
