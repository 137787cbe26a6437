// node pusher_talk.cjs PORT: Pusher Channels. The client is npm pusher-js; the server is a few lines here (no server of the protocol can
// be installed from a registry). The log is what each end makes JSON of.
const { WebSocketServer } = require('ws');
const { createHmac } = require('node:crypto');
const { wait } = require('./said.cjs');
const { watchJson } = require('./json_said.cjs');

const port = Number(process.argv[2]);
watchJson((message) => {
  const inside = typeof message.data === 'object' ? message.data : undefined;
  const fields = { 'pusher.event': message.event };
  const channel = message.channel ?? inside?.channel;
  if (channel !== undefined) fields['pusher.channel'] = channel;
  if (typeof inside?.code === 'number') fields['pusher.error.code'] = inside.code;
  return { protocol: 'pusher', fields };
});
const Pusher = require('pusher-js');

const wss = new WebSocketServer({ port, host: '127.0.0.1' });
wss.on('connection', (socket, request) => {
  // Pusher puts data as text into the text, except in errors.
  const send = (event, data, channel) => socket.send(JSON.stringify({ event, ...(channel && { channel }), data: event === 'pusher:error' ? data : JSON.stringify(data) }));
  if (!request.url.startsWith('/app/lab-key')) {
    send('pusher:error', { code: 4001, message: 'App key unknown not in this cluster. Did you forget to specify the cluster?' });
    socket.close(4001, 'Application does not exist');
    return;
  }
  send('pusher:connection_established', { socket_id: '1234.5678', activity_timeout: 1 });
  socket.on('message', (text) => {
    const { event, data, channel } = JSON.parse(text.toString());
    if (event === 'pusher:ping') send('pusher:pong', {});
    if (event === 'pusher:subscribe') {
      if (data.channel.startsWith('private-bad')) { send('pusher:error', { code: null, message: 'Invalid signature' }); return; }
      const presence = data.channel.startsWith('presence-') ? { presence: { count: 1, ids: ['ada'], hash: { ada: { name: 'Ada' } } } } : {};
      send('pusher_internal:subscription_succeeded', presence, data.channel);
      if (data.channel.startsWith('cache-')) send('pusher:cache_miss', {}, data.channel);
      if (data.channel === 'news') { send('story', { title: 'Grüße, 世界', n: 1 }, 'news'); send('plain', 'only text', 'news'); }
      if (data.channel.startsWith('presence-')) send('pusher_internal:member_added', { user_id: 'lee', user_info: {} }, data.channel);
    }
    if (event === 'client-typing') send('client-typing', { by: 'lee' }, channel);
    if (event === 'client-leave') { send('pusher:ping', {}); setTimeout(() => socket.close(4200, 'Please reconnect immediately'), 60); }
  });
});

function open(key) {
  return new Pusher(key, {
    wsHost: '127.0.0.1', wsPort: port, forceTLS: false, enabledTransports: ['ws'], disableStats: true, cluster: 'lab', activityTimeout: 300, pongTimeout: 500,
    channelAuthorization: { customHandler: ({ socketId, channelName }, done) => {
      const channelData = channelName.startsWith('presence-') ? JSON.stringify({ user_id: 'ada', user_info: { name: 'Ada' } }) : undefined;
      const words = [socketId, channelName, channelData].filter(Boolean).join(':');
      done(null, { auth: `lab-key:${createHmac('sha256', 'sesame-4711').update(words).digest('hex')}`, ...(channelData && { channel_data: channelData }) });
    } },
  });
}
const bound = (channel, event) => new Promise((resolve) => channel.bind(event, resolve));

wss.on('listening', async () => {
  const it = open('lab-key');
  await new Promise((resolve) => it.connection.bind('connected', resolve));
  await bound(it.subscribe('news'), 'plain');
  const typing = it.subscribe('private-room');
  await bound(typing, 'pusher:subscription_succeeded');
  await bound(it.subscribe('presence-room'), 'pusher:member_added');
  await bound(it.subscribe('cache-last'), 'pusher:cache_miss');
  it.subscribe('private-bad');
  typing.trigger('client-typing', { by: 'ada' });
  await bound(typing, 'client-typing');
  it.unsubscribe('news');
  await wait(700);
  typing.trigger('client-leave', {});
  await wait(250);
  it.disconnect();
  await wait(150);
  const wrong = open('no-such-key');
  await wait(300);
  wrong.disconnect();
  await wait(100);
  process.exit(0);
});
