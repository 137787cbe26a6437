// One line a unit of a protocol on stdout, in the words of the library that made it; and the number of a `ws` socket.
exports.said = (connection, from, protocol, fields) =>
  process.stdout.write(JSON.stringify({ connection, from, protocol, fields }) + '\n');
exports.wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
// As watch_ws.cjs numbers it; undefined before the socket is open.
exports.numberOf = (socket) => socket[Symbol.for('watched connection')];
