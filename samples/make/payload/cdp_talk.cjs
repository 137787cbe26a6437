// node cdp_talk.cjs PORT: the Chrome DevTools Protocol: npm chrome-remote-interface with a headless Chromium that listens on PORT. First
// on the browser's endpoint with flat sessions, then on a page's own endpoint.
const CDP = require('chrome-remote-interface');
const { wait } = require('./said.cjs');
const { watchJson } = require('./json_said.cjs');

const port = Number(process.argv[2]);
const asked = new Map();
watchJson((object, { connection }) => {
  const fields = {};
  const key = `${connection} ${object.sessionId} ${object.id}`;
  if (object.id !== undefined && object.method) asked.set(key, object.method);
  const method = object.method ?? asked.get(key);
  if (method === undefined && object.id === undefined) return undefined;
  if (method !== undefined) fields['cdp.method'] = method;
  if (object.id !== undefined) fields['cdp.id'] = object.id;
  if (object.sessionId !== undefined) fields['cdp.session'] = object.sessionId;
  if (object.error) fields['cdp.error.code'] = object.error.code;
  return { protocol: 'cdp', fields };
});

async function main() {
  const { webSocketDebuggerUrl } = await CDP.Version({ port });
  const browser = await CDP({ target: webSocketDebuggerUrl, local: true });
  await browser.send('Browser.getVersion');
  await browser.send('Target.setDiscoverTargets', { discover: true });
  const { targetId } = await browser.send('Target.createTarget', { url: 'about:blank' });
  const { sessionId } = await browser.send('Target.attachToTarget', { targetId, flatten: true });
  const { sessionId: other } = await browser.send('Target.attachToTarget', { targetId, flatten: true });
  await browser.send('Page.enable', {}, sessionId);
  await browser.send('Runtime.enable', {}, other);
  const loaded = new Promise((resolve) => browser.once('Page.loadEventFired', resolve));
  await browser.send('Page.navigate', { url: 'data:text/html,<title>lab</title><p>Gr%C3%BC%C3%9Fe' }, sessionId);
  await loaded;
  await Promise.all([
    browser.send('Runtime.evaluate', { expression: 'document.title', returnByValue: true }, sessionId),
    browser.send('Runtime.evaluate', { expression: 'nowhere.at.all' }, other),
  ]);
  await browser.send('Runtime.evaluate', { expression: 'console.log("茶", 1)' }, other);
  await browser.send('No.suchMethod', {}, sessionId).catch(() => {});
  await browser.send('Page.enable', {}, 'NOSUCHSESSION').catch(() => {});
  await browser.send('Target.detachFromTarget', { sessionId: other });
  await browser.send('Page.captureScreenshot', { format: 'jpeg', quality: 1, clip: { x: 0, y: 0, width: 40, height: 20, scale: 1 } }, sessionId);
  const page = await CDP({ port, target: targetId, local: true });
  await page.send('Runtime.evaluate', { expression: '6 * 7' });
  await page.close();
  await browser.send('Target.closeTarget', { targetId });
  await wait(200);
  await browser.close();
  await wait(100);
  process.exit(0);
}
main();
