// node mqtt_talk.cjs PORT VERSION(3|4|5): mqtt.js with a broker, MQTT 3.1, 3.1.1 or 5. The log is the client's `packetsend` and `packetreceive`.
const mqtt = require('mqtt');
const { said, wait } = require('./said.cjs');

const [port, version] = process.argv.slice(2).map(Number);
const COMMANDS = ['connect', 'connack', 'publish', 'puback', 'pubrec', 'pubrel', 'pubcomp', 'subscribe', 'suback', 'unsubscribe', 'unsuback',
  'pingreq', 'pingresp', 'disconnect', 'auth'];
let connections = 0;

function fields(packet) {
  const { cmd, topic, messageId, qos, retain, dup, properties = {} } = packet;
  const out = { 'mqtt.msgtype': COMMANDS.indexOf(cmd) + 1 };
  const put = (name, value) => { if (value !== undefined && value !== null) out[name] = value; };
  if (cmd === 'connect') {
    Object.assign(out, { 'mqtt.ver': packet.protocolVersion, 'mqtt.clientid': packet.clientId, 'mqtt.kalive': packet.keepalive });
    put('mqtt.username', packet.username);
    put('mqtt.willtopic', packet.will?.topic);
  }
  // An empty topic stands for that of the alias.
  if (cmd === 'publish') Object.assign(out, { ...(topic && { 'mqtt.topic': topic }), 'mqtt.qos': qos, 'mqtt.retain': retain, 'mqtt.dupflag': dup });
  if (cmd === 'subscribe') out['mqtt.topic'] = packet.subscriptions.map((s) => s.topic);
  if (cmd === 'unsubscribe') out['mqtt.topic'] = packet.unsubscriptions;
  if (cmd === 'suback') out['mqtt.suback.qos'] = packet.granted;
  if (cmd === 'connack') version === 5 ? put('mqtt.connack.reason_code', packet.reasonCode) : put('mqtt.conack.val', packet.returnCode);
  if (cmd === 'disconnect' && version === 5) put('mqtt.disconnect.reason_code', packet.reasonCode);
  put('mqtt.property.topic_alias', properties.topicAlias);
  if (cmd !== 'connect' && !(cmd === 'publish' && qos === 0)) put('mqtt.msgid', messageId);
  return out;
}

function client(options) {
  const connection = ++connections;
  const it = mqtt.connect(`ws://127.0.0.1:${port}/mqtt`, {
    protocolVersion: version, protocolId: version === 3 ? 'MQIsdp' : 'MQTT', keepalive: 1, reconnectPeriod: 0, manualConnect: true,
    username: 'sensor', password: 'sesame-4711', ...options,
  });
  it.on('packetsend', (packet) => said(connection, 'client', 'mqtt', fields(packet)));
  it.on('packetreceive', (packet) => said(connection, 'server', 'mqtt', fields(packet)));
  it.on('error', () => {});
  it.connect();
  return it;
}
const once = (it, event) => new Promise((resolve) => it.once(event, resolve));

async function conversation() {
  const will = { topic: 'sensors/left', payload: 'gone', qos: 1, retain: false, ...(version === 5 && { properties: { willDelayInterval: 0 } }) };
  const v5 = version === 5 && { properties: { sessionExpiryInterval: 30, receiveMaximum: 20, topicAliasMaximum: 10, userProperties: { site: 'lab' } } };
  const a = client({ clientId: 'lab-a', will, ...v5 });
  await once(a, 'connect');
  await a.subscribeAsync({ 'sensors/#': { qos: 2 }, 'control/+/set': { qos: 1 }, '$SYS/broker/version': { qos: 0 } });
  await a.publishAsync('sensors/temperature', '21.5', { qos: 0, retain: true });
  await a.publishAsync('sensors/humidity', '{"value":48,"unit":"%"}', { qos: 1, ...(version === 5 && { properties: { contentType: 'application/json', messageExpiryInterval: 60, correlationData: Buffer.from([1, 2]), responseTopic: 'replies/a' } }) });
  await a.publishAsync('sensors/picture', Buffer.alloc(300, 0xd8), { qos: 2 });
  await a.publishAsync('sensors/Grüße', 'ä'.repeat(70), { qos: 0 });
  await a.publishAsync('sensors/temperature', '', { qos: 1, retain: true });
  if (version === 5) {
    for (const [topic, value] of [['sensors/alias', 'first'], ['', 'second'], ['', 'third']]) await a.publishAsync(topic, value, { qos: 0, properties: { topicAlias: 3 } });
  }
  const refused = client({ clientId: 'lab-x', password: 'wrong-0000' });
  await Promise.race([once(refused, 'error'), once(refused, 'close')]);
  await wait(100);
  const b = client({ clientId: 'lab-b', will, keepalive: 5 });
  await once(b, 'connect');
  await b.publishAsync('control/fan/set', 'on', { qos: 2 });
  await wait(100);
  b.stream.destroy();
  await wait(1200);
  await a.unsubscribeAsync(['control/+/set', 'never/subscribed']);
  if (version === 5) {
    const other = client({ clientId: 'lab-a', clean: true });
    await once(other, 'connect');
    await wait(150);
    await other.endAsync();
  }
  await wait(100);
  await a.endAsync();
  await wait(150);
  process.exit(0);
}
conversation();
