// node jupyter_talk.cjs PORT v1|default: a Jupyter server's kernel through @jupyterlab/services. With `default` no subprotocol is offered.
// The log is what the client's serialiser is given and gives.
const { WebSocket } = require('ws');
const { said, wait } = require('./said.cjs');

const [port, mode] = process.argv.slice(2);
// What the library expects of a browser.
global.requestAnimationFrame = (f) => setTimeout(f, 0);
global.cancelAnimationFrame = clearTimeout;
const { KernelManager, ServerConnection } = require('@jupyterlab/services');
const { serialize, deserialize } = require(`${process.env.NODE_PATH}/@jupyterlab/services/lib/kernel/serialize.js`);

let connections = 0;
function say(from, message) {
  said(connections, from, 'jupyter', {
    'jupyter.channel': message.channel, 'jupyter.msg_type': message.header.msg_type, 'jupyter.msg_id': message.header.msg_id,
    ...(message.parent_header?.msg_id && { 'jupyter.parent_msg_id': message.parent_header.msg_id }),
    ...(message.content?.execution_state && { 'jupyter.execution_state': message.content.execution_state }),
  });
}
class Socket extends WebSocket {
  constructor(url, protocols, ...more) { super(url, mode === 'default' ? [] : protocols, ...more); connections++; }
}
const serverSettings = ServerConnection.makeSettings({
  baseUrl: `http://127.0.0.1:${port}/`, wsUrl: `ws://127.0.0.1:${port}/`, token: 'sesame-4711', appendToken: true, WebSocket: Socket,
  serializer: {
    serialize: (message, protocol) => { say('client', message); return serialize(message, protocol); },
    deserialize: (data, protocol) => { const message = deserialize(data, protocol); say('server', message); return message; },
  },
});

async function main() {
  const manager = new KernelManager({ serverSettings });
  const kernel = await manager.startNew({ name: 'python3' });
  await kernel.info;
  const run = (code, more = {}) => {
    const future = kernel.requestExecute({ code, stop_on_error: false, ...more });
    future.onStdin = () => kernel.sendInputReply({ value: 'tea', status: 'ok' }, { msg_id: '', msg_type: '', session: '', username: '', date: '', version: '5.3' });
    return future.done;
  };
  kernel.registerCommTarget('lab', (comm) => { comm.send({ got: 'it' }, undefined, [new Uint8Array([0, 1, 2, 255]).buffer]); });
  await run('print("Grüße, 世界")');
  await run('1/0');
  await run('input("what? ")', { allow_stdin: true });
  await run('from comm import create_comm\nc = create_comm("lab", {"x": 1}, buffers=[bytes([7, 8, 9])])');
  await run('c.send({"y": 2}, buffers=[bytes(40), b"ab"])');
  await kernel.requestComplete({ code: 'pri', cursor_pos: 3 });
  await wait(300);
  kernel.dispose();
  await wait(200);
  process.exit(0);
}
main();
