// node home_assistant_talk.cjs PORT: Home Assistant's WebSocket API: npm home-assistant-js-websocket with a small server that coalesces its
// messages when it is asked to. The log is what each end makes JSON of.
const { WebSocketServer, WebSocket } = require('ws');
const { wait } = require('./said.cjs');
const { watchJson } = require('./json_said.cjs');

const port = Number(process.argv[2]);
watchJson((object) => [object].flat().map((message) => {
  if (message.type === undefined) return undefined;
  const fields = { 'homeassistant.type': message.type };
  if (message.id !== undefined) fields['homeassistant.id'] = message.id;
  if (message.success !== undefined) fields['homeassistant.success'] = message.success;
  return { protocol: 'home-assistant', fields };
}));
global.WebSocket = WebSocket;

const wss = new WebSocketServer({ port, host: '127.0.0.1', path: '/api/websocket' });
wss.on('connection', (socket) => {
  const send = (...messages) => socket.send(JSON.stringify(messages.length > 1 ? messages : messages[0]));
  send({ type: 'auth_required', ha_version: '2024.1.0' });
  const state = (value) => ({ entity_id: 'sensor.tea', state: value, attributes: { unit: '°C' } });
  socket.on('message', (text) => {
    const { type, id, access_token: token, domain } = JSON.parse(text.toString());
    const result = (more) => ({ id, type: 'result', success: true, result: null, ...more });
    if (type === 'auth') {
      send(token === 'sesame-4711' ? { type: 'auth_ok', ha_version: '2024.1.0' } : { type: 'auth_invalid', message: 'Invalid access token or password' });
      if (token !== 'sesame-4711') socket.close();
    } else if (type === 'ping') send({ id, type: 'pong' });
    else if (type === 'supported_features') send(result());
    else if (type === 'get_states') send(result({ result: [state('21.5')] }));
    else if (type === 'subscribe_events') {
      const event = (value) => ({ id, type: 'event', event: { event_type: 'state_changed', data: { entity_id: 'sensor.tea', new_state: state(value) }, origin: 'LOCAL' } });
      send(result(), event('22'), event('23'));
      setTimeout(() => send(event('Grüße')), 50);
    } else if (type === 'call_service' && domain === 'light') send(result({ result: { context: { id: '01' } } }));
    else if (type === 'unsubscribe_events') send(result());
    else send({ id, type: 'result', success: false, error: { code: type === 'call_service' ? 'not_found' : 'unknown_command', message: 'Unknown.' } });
  });
});

wss.on('listening', async () => {
  const haws = await import(`${process.env.NODE_PATH}/home-assistant-js-websocket/dist/index.js`);
  const open = (token) => haws.createConnection({ auth: new haws.Auth({ hassUrl: `http://127.0.0.1:${port}`, access_token: token, expires: Date.now() + 1e8, clientId: null, expires_in: 1e5, refresh_token: '' }), setupRetry: 0 });
  const it = await open('sesame-4711');
  await it.sendMessagePromise({ type: 'get_states' });
  const stop = await it.subscribeEvents(() => {}, 'state_changed');
  await haws.callService(it, 'light', 'turn_on', { brightness: 120 }, { entity_id: 'light.kitchen' });
  await haws.callService(it, 'nothing', 'turn_on').catch(() => {});
  await it.sendMessagePromise({ type: 'no/such' }).catch(() => {});
  await it.ping();
  await wait(100);
  await stop();
  it.close();
  await wait(100);
  await open('wrong-0000').catch(() => {});
  await wait(100);
  process.exit(0);
});
