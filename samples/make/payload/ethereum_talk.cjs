// node ethereum_talk.cjs PORT: Ethereum's JSON-RPC with subscriptions: npm ganache as the node, npm ethers as the client.
const ganache = require('ganache');
const { WebSocketProvider, parseEther } = require('ethers');
const { WebSocket } = require('ws');
const { wait } = require('./said.cjs');
const { watchJson } = require('./json_said.cjs');

watchJson(function unit(object) {
  if (Array.isArray(object)) return object.map((one) => unit(one));
  if (object.jsonrpc !== '2.0') return undefined;
  const fields = {};
  if (object.method !== undefined) fields['jsonrpc.method'] = object.method;
  if (object.id !== undefined) fields['jsonrpc.id'] = object.id;
  if (object.error) fields['jsonrpc.error.code'] = object.error.code;
  if (object.params?.subscription) fields['jsonrpc.subscription'] = object.params.subscription;
  return { protocol: 'json-rpc', fields };
});

const port = Number(process.argv[2]);
const node = ganache.server({ logging: { quiet: true }, wallet: { totalAccounts: 2, deterministic: true }, chain: { chainId: 1337, time: new Date('2024-01-01') } });
node.listen(port, '127.0.0.1', async () => {
  const provider = new WebSocketProvider(`ws://127.0.0.1:${port}`, 1337, { staticNetwork: true });
  const send = (method, params = []) => provider.send(method, params);
  await send('eth_chainId');
  const [from, to] = await send('eth_accounts');
  await send('eth_subscribe', ['newHeads']);
  const pending = await send('eth_subscribe', ['newPendingTransactions']);
  await send('eth_getBalance', [from, 'latest']);
  await send('eth_sendTransaction', [{ from, to, value: `0x${parseEther('1.5').toString(16)}`, gas: '0x5208' }]);
  await wait(200);
  await send('eth_sendTransaction', [{ from, to, value: `0x${(10n ** 24n).toString(16)}` }]).catch(() => {});
  await send('eth_noSuchMethod').catch(() => {});
  await send('eth_unsubscribe', [pending]);
  await send('evm_mine');
  await wait(200);
  await provider.destroy();
  await wait(100);
  const bare = new WebSocket(`ws://127.0.0.1:${port}`);
  await new Promise((resolve) => bare.once('open', resolve));
  bare.on('message', (text) => JSON.parse(text));
  bare.send(JSON.stringify([{ jsonrpc: '2.0', id: 1, method: 'eth_blockNumber', params: [] }, { jsonrpc: '2.0', id: 2, method: 'net_version', params: [] }]));
  await wait(100);
  bare.close();
  await wait(100);
  process.exit(0);
});
