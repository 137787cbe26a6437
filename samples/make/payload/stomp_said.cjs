// What @stomp/stompjs says of a frame in its debug log (`>>> SEND\ndestination:/queue/a\n...`), in the names of the decoder; undefined
// for its other lines.
exports.stompUnits = () => {
  // The library says PONG of the line ends after a frame's NUL too; they belong to the frame.
  let atStart = false;
  return (line) => {
    if (line === 'Received data') atStart = true;
    const found = unit(line);
    if (found?.from !== 'server') return found;
    const apart = atStart;
    atStart = false;
    return found.fields['stomp.command'] === 'HEARTBEAT' && !apart ? undefined : found;
  };
};

function unit(line) {
  const match = /^(>>>|<<<) ([A-Z]+)(?:\n([^]*))?$/.exec(line);
  if (!match) return undefined;
  const [, arrow, word, rest = ''] = match;
  const from = arrow === '>>>' ? 'client' : 'server';
  if (word === 'PING' || word === 'PONG') return { from, fields: { 'stomp.command': 'HEARTBEAT' } };
  const headers = {};
  for (const header of rest.split('\n\n')[0].split('\n')) {
    const [, name, value] = /^([^:]*):(.*)$/.exec(header) ?? [];
    if (name !== undefined && !(name in headers)) headers[name] = value;
  }
  const fields = { 'stomp.command': word };
  const put = (name, value) => { if (value !== undefined) fields[name] = value; };
  put('stomp.destination', headers.destination);
  put('stomp.id', word === 'MESSAGE' ? headers.ack : headers.id);
  put('stomp.subscription', headers.subscription);
  put('stomp.message_id', headers['message-id']);
  put('stomp.receipt', headers.receipt ?? headers['receipt-id']);
  put('stomp.transaction', headers.transaction);
  put('stomp.version', headers.version);
  return { from, fields };
}
