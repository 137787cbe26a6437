// node lsp_talk.cjs PORT bare|framed|cut: the Language Server Protocol over WebSockets. bare: one JSON text a message (vscode-ws-jsonrpc on both
// ends); framed: the header with Content-Length is kept, as when a server's standard output is passed on as it comes; cut: the same in
// pieces of 50 bytes.
const http = require('node:http').createServer();
const { WebSocketServer, WebSocket, createWebSocketStream } = require('ws');
const rpc = require('vscode-jsonrpc/node');
const lsp = require('vscode-languageserver/node');
const { said, numberOf, wait } = require('./said.cjs');

const [port, mode] = process.argv.slice(2);

function watched(socket, from, [reader, writer]) {
  const { write } = writer;
  writer.write = function (message) {
    const fields = {};
    if (message.method !== undefined) fields['jsonrpc.method'] = message.method;
    if (message.id !== undefined) fields['jsonrpc.id'] = message.id;
    if (message.error) fields['jsonrpc.error.code'] = message.error.code;
    said(numberOf(socket), from, 'json-rpc', fields);
    return write.call(this, message);
  };
  return [reader, writer];
}

async function main() {
  const { WebSocketMessageReader, WebSocketMessageWriter } = await import(`${process.env.NODE_PATH}/vscode-ws-jsonrpc/lib/index.js`);
  function ends(socket, from) {
    if (mode !== 'bare') {
      if (mode === 'cut') {
        const { send } = socket;
        socket.send = (data, ...more) => {
          for (let at = 0; at < data.length; at += 50) send.call(socket, data.subarray(at, at + 50), ...(at + 50 < data.length ? [{ binary: true }] : more));
        };
      }
      const stream = createWebSocketStream(socket);
      return watched(socket, from, [new rpc.StreamMessageReader(stream), new rpc.StreamMessageWriter(stream)]);
    }
    const wrapped = {
      send: (content) => socket.send(content), onMessage: (f) => socket.on('message', (data) => f(data.toString())),
      onError: (f) => socket.on('error', f), onClose: (f) => socket.on('close', f), dispose: () => socket.close(),
    };
    return watched(socket, from, [new WebSocketMessageReader(wrapped), new WebSocketMessageWriter(wrapped)]);
  }
  new WebSocketServer({ server: http, path: '/lsp' }).on('connection', (socket) => {
    const connection = lsp.createConnection(...ends(socket, 'server'));
    connection.onInitialize(() => ({ capabilities: { hoverProvider: true, textDocumentSync: 1 }, serverInfo: { name: 'lab' } }));
    connection.onDidOpenTextDocument(({ textDocument }) => connection.sendDiagnostics({
      uri: textDocument.uri, diagnostics: [{ message: 'Grüße', severity: 2, range: { start: { line: 0, character: 0 }, end: { line: 0, character: 4 } } }],
    }));
    connection.onHover(() => ({ contents: { kind: 'markdown', value: '**tea** → 茶' } }));
    connection.onRequest('lab/fail', () => new rpc.ResponseError(-32803, 'request failed'));
    connection.onRequest('lab/slow', async (_, token) => { await wait(60); return token.isCancellationRequested ? new rpc.ResponseError(-32800, 'cancelled') : 'late'; });
    connection.onInitialized(async () => { await connection.sendRequest('workspace/configuration', { items: [{ section: 'lab' }] }); });
    connection.listen();
  });
  await new Promise((resolve) => http.listen(port, '127.0.0.1', resolve));
  const socket = new WebSocket(`ws://127.0.0.1:${port}/lsp`);
  await new Promise((resolve) => socket.once('open', resolve));
  const client = rpc.createMessageConnection(...ends(socket, 'client'));
  client.onRequest('workspace/configuration', () => [{ level: 3 }]);
  client.onNotification('textDocument/publishDiagnostics', () => {});
  client.listen();
  await client.sendRequest('initialize', { processId: null, rootUri: 'file:///lab', capabilities: {} });
  await client.sendNotification('initialized', {});
  const textDocument = { uri: 'file:///lab/a.txt', languageId: 'plaintext', version: 1, text: 'tea 茶 '.repeat(20) };
  await client.sendNotification('textDocument/didOpen', { textDocument });
  await client.sendRequest('textDocument/hover', { textDocument: { uri: textDocument.uri }, position: { line: 0, character: 1 } });
  await client.sendRequest('lab/fail').catch(() => {});
  await client.sendRequest('no/such/method').catch(() => {});
  const source = new rpc.CancellationTokenSource();
  const slow = client.sendRequest('lab/slow', source.token).catch(() => {});
  await wait(20);
  source.cancel();
  await slow;
  await client.sendRequest('shutdown');
  await wait(50);
  socket.close(1000);
  await wait(100);
  process.exit(0);
}
main();
