// node jsonrpc_talk.cjs PORT: JSON-RPC 2.0 with npm rpc-websockets on both ends, and a client of few words for what that one never sends:
// batches, invalid requests, ids that are strings and null.
const { Server, Client } = require('rpc-websockets');
const { WebSocket } = require('ws');
const { wait } = require('./said.cjs');
const { watchJson } = require('./json_said.cjs');

watchJson(function unit(object) {
  if (Array.isArray(object)) return object.map((one) => unit(one));
  // Its events have a shape of their own, and one request below is meant to be invalid.
  if (object.jsonrpc !== '2.0') return undefined;
  const fields = {};
  if (typeof object.method === 'string') fields['jsonrpc.method'] = object.method;
  if (object.id !== undefined) fields['jsonrpc.id'] = object.id;
  if (object.error) fields['jsonrpc.error.code'] = object.error.code;
  return { protocol: 'json-rpc', fields };
});

const port = Number(process.argv[2]);
const server = new Server({ port, host: '127.0.0.1' });
server.setAuth((data) => data.token === 'sesame-4711');
server.register('sum', ([a, b]) => a + b);
server.register('echo', (value) => value);
server.register('fail', () => { throw server.createError(-32050, 'no such item', { item: 7 }); });
server.register('slow', async () => { await wait(80); return 'late'; });
server.register('secret', () => 'for those who have logged in').protected();
server.event('price');

server.on('listening', async () => {
  const client = new Client(`ws://127.0.0.1:${port}`, { reconnect: false });
  await new Promise((resolve) => client.on('open', resolve));
  await client.call('sum', [2, 40]);
  await client.call('echo', { text: 'Grüße, 世界', list: [1, null, true, -2.5] });
  await client.call('fail').catch(() => {});
  await client.call('nowhere', [1]).catch(() => {});
  await client.call('secret').catch(() => {});
  await client.login({ token: 'sesame-4711' });
  await client.call('secret');
  await Promise.all([client.call('slow'), client.call('sum', [1, 1])]);
  await client.notify('echo', ['nothing comes back']);
  await client.subscribe('price');
  server.emit('price', 'tea', 2.5);
  server.emit('price', 'tea', 2.75);
  await wait(50);
  await client.unsubscribe('price');
  client.close();
  await wait(100);
  const bare = new WebSocket(`ws://127.0.0.1:${port}`);
  await new Promise((resolve) => bare.once('open', resolve));
  const say = async (message) => { bare.send(typeof message === 'string' ? message : JSON.stringify(message)); await wait(40); };
  await say([{ jsonrpc: '2.0', method: 'sum', params: [1, 2], id: 'a' }, { jsonrpc: '2.0', method: 'echo', params: ['x'] }, { jsonrpc: '2.0', method: 'nowhere', id: 'b' }]);
  await say({ jsonrpc: '2.0', method: 'sum', params: [3, 4], id: 'a string' });
  await say({ jsonrpc: '2.0', method: 'sum', params: [3, 4], id: 9007199254740991 });
  await say('{"jsonrpc":"2.0","method":"sum"');
  await say('[]');
  await say({ jsonrpc: '2.0', method: 1, id: 5 });
  await say({ jsonrpc: '1.0', method: 'sum', id: 6 });
  bare.close(1000, 'enough');
  await wait(100);
  process.exit(0);
});
