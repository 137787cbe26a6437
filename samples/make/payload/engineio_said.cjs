// What Engine.IO and Socket.IO say they send over WebSockets: the packets handed to their encoders, before they are bytes.
// watch({ server, client, parsers, types }): modules of either generation; returns nothing, prints through said.cjs.
const { said, numberOf } = require('./said.cjs');

const NAMES = ['connect', 'disconnect', 'event', 'ack', 'connect_error', 'binary_event', 'binary_ack'];
const described = new Map();

function describe(packet, parts) {
  const type = parts.length > 1 && packet.type === 2 ? 5 : parts.length > 1 && packet.type === 3 ? 6 : packet.type;
  const fields = { 'engineio.type': 'message', 'socketio.type': NAMES[type], 'socketio.namespace': packet.nsp ?? '/' };
  if (packet.type === 2 || packet.type === 5) fields['socketio.event'] = packet.data[0];
  if (packet.id !== undefined) fields['socketio.id'] = packet.id;
  if (parts.length > 1) fields['socketio.attachments'] = parts.length - 1;
  described.set(parts[0], fields);
  parts.slice(1).forEach((part, at) => described.set(part, { 'engineio.type': 'message', 'socketio.attachment': at + 1 }));
}

// Socket.IO 3 and 4 return the parts, 2 hands them to a callback.
exports.watchEncoder = (Encoder) => {
  const { encode } = Encoder.prototype;
  Encoder.prototype.encode = function (packet, callback) {
    const event = Array.isArray(packet.data) ? packet.data[0] : undefined;
    const before = { ...packet, data: event === undefined ? packet.data : [event] };
    if (!callback) {
      const parts = encode.call(this, packet);
      describe(before, parts);
      return parts;
    }
    return encode.call(this, packet, (parts) => { describe(before, parts); callback(parts); });
  };
};

let polled = 0;
// `method` of the polling transport is given the packets; they are counted, for the upgrade to say how many there were.
exports.watchPolling = (Transport, method) => {
  const send = Transport.prototype[method];
  Transport.prototype[method] = function (packets) { polled += packets.length; return send.call(this, packets); };
};

// `method` of the WebSocket transport is given the packets; `socket` is the property that has its `ws` socket.
exports.watchTransport = (Transport, method, socket, from) => {
  const send = Transport.prototype[method];
  Transport.prototype[method] = function (packets) {
    for (const packet of packets) {
      // A frame made for many sockets goes around the library's sender, and so around the log of messages.
      if (packet.options?.wsPreEncodedFrame) delete packet.options.wsPreEncodedFrame;
      // The first packet of Socket.IO 2 comes as the list that its encoder returned.
      const inside = packet.type === 'message' && described.get(Array.isArray(packet.data) ? packet.data[0] : packet.data);
      const fields = inside || { 'engineio.type': packet.type, ...(packet.data === 'probe' && { 'engineio.probe': true }),
        ...(packet.type === 'upgrade' && polled && { 'engineio.polled': polled }) };
      said(numberOf(this[socket]), from, inside ? 'socket.io' : 'engine.io', fields);
    }
    return send.call(this, packets);
  };
};
