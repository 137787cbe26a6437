// node xmpp_talk.mjs PORT: XMPP over WebSockets (RFC 7395): npm @xmpp/client with a server. The log is the elements that the client
// sends and parses.
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const { WebSocket } = require('ws');
const { said, wait } = require('./said.cjs');
global.WebSocket = WebSocket;
const { client, xml } = await import(`${process.env.NODE_PATH}/@xmpp/client/index.js`);

const port = process.argv[2];
let connections = 0;

function say(connection, from, element) {
  const name = element.name.split(':').at(-1);
  const fields = { 'xmpp.stanza': name };
  for (const key of ['id', 'type', 'to', 'from']) if (element.attrs[key] !== undefined) fields[`xmpp.${key}`] = element.attrs[key];
  said(connection, from, 'xmpp', fields);
}

function open(username, password) {
  const connection = ++connections;
  const it = client({ service: `ws://127.0.0.1:${port}/xmpp-websocket`, domain: 'lab', resource: 'desk', username, password });
  it.reconnect.stop();
  it.on('error', () => {});
  const { headerElement, footerElement } = it;
  it.headerElement = function (...words) { const element = headerElement.apply(this, words); queueMicrotask(() => say(connection, 'client', element)); return element; };
  it.footerElement = function (...words) { const element = footerElement.apply(this, words); queueMicrotask(() => say(connection, 'client', element)); return element; };
  it.on('send', (element) => say(connection, 'client', element));
  it.on('element', (element) => say(connection, 'server', element));
  it.on('open', (element) => {
    say(connection, 'server', element);
    it.parser.on('end', (last) => say(connection, 'server', last));
  });
  return it;
}
const stanza = (it, test) => new Promise((resolve) => { const look = (element) => { if (test(element)) { it.off('stanza', look); resolve(element); } }; it.on('stanza', look); });

const ada = open('ada', 'sesame-4711');
await ada.start();
await ada.send(xml('presence', {}, xml('show', {}, 'chat')));
const lee = open('lee', 'sesame-4712');
await lee.start();
await lee.send(xml('presence'));
const got = stanza(lee, (element) => element.is('message'));
await ada.send(xml('message', { to: 'lee@lab', type: 'chat', id: 'm1' }, xml('body', {}, 'Grüße, 世界 <&> "x"')));
await got;
const back = stanza(ada, (element) => element.is('message'));
await lee.send(xml('message', { to: 'ada@lab/desk', type: 'chat', id: 'm2' }, xml('body', {}, 'hello')));
await back;
await ada.iqCaller.get(xml('query', 'jabber:iq:roster'));
await ada.iqCaller.get(xml('ping', 'urn:xmpp:ping'), 'lab');
await ada.iqCaller.get(xml('query', 'urn:no:such'), 'lab').catch(() => {});
await lee.iqCaller.get(xml('query', 'http://jabber.org/protocol/disco#info'), 'lab').catch(() => {});
await lee.send(xml('message', { to: 'nobody@lab', id: 'm3' }, xml('body', {}, 'x')));
await wait(150);
await lee.stop();
await ada.stop();
await wait(150);
const wrong = open('ada', 'wrong-0000');
await wrong.start().catch(() => {});
await wait(200);
await wrong.stop().catch(() => {});
await wait(100);
process.exit(0);
