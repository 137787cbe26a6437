// node action_cable_talk.cjs PORT: @rails/actioncable with a Rails server. The log is what the client makes of and into JSON.
const { wait } = require('./said.cjs');
const { watchJson } = require('./json_said.cjs');
const { WebSocket } = require('ws');

const port = process.argv[2];
watchJson((object) => {
  const fields = {};
  for (const [key, name] of [['type', 'type'], ['command', 'command'], ['identifier', 'identifier'], ['reason', 'reason']]) {
    if (object[key] !== undefined) fields[`actioncable.${name}`] = object[key];
  }
  return { protocol: 'action-cable', fields };
});
// What the library expects of a browser.
global.self = { WebSocket, console };
global.document = { visibilityState: 'visible' };
global.addEventListener = () => {};
global.removeEventListener = () => {};
const cable = require(`${process.env.NODE_PATH}/@rails/actioncable/app/assets/javascripts/actioncable.js`);
cable.adapters.WebSocket = WebSocket;

function subscribe(consumer, room) {
  return new Promise((resolve) => {
    const channel = consumer.subscriptions.create({ channel: 'ChatChannel', room }, {
      connected: () => resolve(channel), rejected: () => resolve(channel), received: (data) => channel.got?.(data),
    });
  });
}
const received = (channel) => new Promise((resolve) => { channel.got = resolve; });

async function main() {
  const consumer = cable.createConsumer(`ws://127.0.0.1:${port}/cable?token=sesame-4711`);
  const tea = await subscribe(consumer, 'tea');
  await subscribe(consumer, 'secret');
  let next = received(tea);
  tea.perform('speak', { text: 'Grüße, 世界 "quoted"' });
  await next;
  next = received(tea);
  tea.perform('whisper', { text: 'only for me' });
  await next;
  tea.perform('no_such_action', { n: 1 });
  await wait(3200);
  const other = await subscribe(consumer, 'other');
  other.unsubscribe();
  await wait(100);
  tea.perform('leave');
  await wait(300);
  consumer.disconnect();
  await wait(200);
  const refused = cable.createConsumer(`ws://127.0.0.1:${port}/cable?token=wrong-0000`);
  refused.connect();
  await wait(400);
  refused.disconnect();
  await wait(100);
  process.exit(0);
}
main();
