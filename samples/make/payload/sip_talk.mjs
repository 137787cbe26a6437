// node sip_talk.mjs PORT: SIP over WebSockets (RFC 7118): two user agents of npm sip.js at one registrar. The log is what the library's own
// parser says of each message that it sends or receives. There is no media: the session descriptions are fixed texts.
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const { WebSocket } = require('ws');
const { said, wait } = require('./said.cjs');
global.WebSocket = WebSocket;
const { UserAgent, Registerer, Inviter, Messager, SessionState } = await import(`${process.env.NODE_PATH}/sip.js/lib/index.js`);
const { Parser } = await import(`${process.env.NODE_PATH}/sip.js/lib/core/messages/parser.js`);

const port = process.argv[2];
const quiet = { log() {}, warn() {}, error() {}, debug() {} };
function say(connection, from, text) {
  const message = Parser.parseMessage(text, quiet);
  // A keep-alive is no message to it.
  if (!message) return;
  const fields = message.statusCode === undefined ? { 'sip.Method': message.method } : { 'sip.Status-Code': message.statusCode };
  said(connection, from, 'sip', { ...fields, 'sip.Call-ID': message.callId, 'sip.CSeq': `${message.cseq} ${message.method ?? message.getHeader('cseq').split(' ')[1]}` });
}
globalThis[Symbol.for('watched message')] = ({ connection, side, kind, data }) => { if (kind === 'text' || kind === 'binary') say(connection, side, data.toString()); };

const sdp = (name) => `v=0\r\no=${name} 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 49170 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n`;
const described = (name) => () => ({
  close() {}, hasDescription: (type) => type === 'application/sdp', sendDtmf: () => false, holdModifier: (it) => Promise.resolve(it),
  getDescription: async () => ({ body: sdp(name), contentType: 'application/sdp' }), setDescription: async () => {},
});
async function open(name, password, delegate = {}) {
  const agent = new UserAgent({
    uri: UserAgent.makeURI(`sip:${name}@lab`), authorizationUsername: name, authorizationPassword: password, logBuiltinEnabled: false,
    transportOptions: { server: `ws://127.0.0.1:${port}`, keepAliveInterval: 1, keepAliveDebounce: 1 }, sessionDescriptionHandlerFactory: described(name), delegate,
    gracefulShutdown: false,
  });
  await agent.start();
  const registerer = new Registerer(agent, { expires: 60 });
  const answered = new Promise((resolve) => registerer.register({ requestDelegate: { onAccept: resolve, onReject: resolve } }));
  await answered;
  return [agent, registerer];
}
const target = (name) => UserAgent.makeURI(`sip:${name}@lab`);

const [lee] = await open('lee', 'sesame-4711', {
  onInvite: (invitation) => (invitation.request.getHeader('subject') === 'no' ? invitation.reject({ statusCode: 486 }) : invitation.accept()),
  onMessage: (message) => message.accept(),
});
const [ada, registerer] = await open('ada', 'sesame-4711');
const asked = (messager) => new Promise((resolve) => messager.message({ requestDelegate: { onAccept: resolve, onReject: resolve } }));
await asked(new Messager(ada, target('lee'), 'Grüße, 世界'));
await asked(new Messager(ada, target('nobody'), 'x'));
const call = new Inviter(ada, target('lee'), { extraHeaders: ['Subject: tea'] });
const established = new Promise((resolve) => call.stateChange.addListener((state) => [SessionState.Established, SessionState.Terminated].includes(state) && resolve()));
await call.invite();
await established;
await wait(100);
await call.info({ requestOptions: { body: { contentDisposition: 'render', contentType: 'application/dtmf-relay', content: 'Signal=5\r\nDuration=100' } } });
await wait(100);
await call.bye();
await wait(100);
const busy = new Inviter(ada, target('lee'), { extraHeaders: ['Subject: no'] });
const ended = new Promise((resolve) => busy.stateChange.addListener((state) => state === SessionState.Terminated && resolve()));
await busy.invite();
await ended;
await wait(1300);
await registerer.unregister();
await wait(200);
await ada.stop();
await lee.stop();
await wait(200);
const [wrong] = await open('ada', 'wrong-0000');
await wait(100);
await wrong.stop();
await wait(200);
process.exit(0);
