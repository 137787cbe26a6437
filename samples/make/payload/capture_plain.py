"""Messages of no protocol that look a little like one: texts, JSON, XML, lines and bytes that must stay what they are."""

import base64
import json
import random

import stage

stage.enter()

from python_endpoints import client, echo, server, settle
from stage import sample

PORT = 9023
CHAT = ["42 is the answer", "2", "3", "0", "40 people came", "42[sic] he wrote", "2probe or not 2probe", "5 minutes", "4", "o", "h", "c u", "a", "6", "1",
        "o dear", "ping", "pong", "PING", "hello", "", "😀 42", "3,14", "430 of 500", "451-[1]"]
ARRAYS = [["a", "b"], ["hello"], [], [2, "blue", 3.5], [1, "red"], [3, "x"], ["42", "is"], [["a", 1], ["b", 2]], [0.5, 1.5], [2, "id", "Name"], [8, 1],
          ["shout", "room:1"], [None, "1", "a", "b"], [{"x": 1}, {"x": 2}], [16, "k", "v"], [4, "code", "text"], ["stdout"], ["1", "2", "topic", "event"]]
OBJECTS = [{"type": "chat", "text": "hi"}, {"event": "login", "user": "ada"}, {"type": "update", "rows": [1, 2]}, {"type": "ping"}, {"id": 7, "value": 1},
           {"op": "move", "d": 3}, {"msg": "hello there", "from": "lee"}, {"method": "fast", "colour": "red"}, {"channel": 5, "gain": 0.5},
           {"type": "error", "text": "no"}, {"command": "jump"}, {"identifier": "abc"}, {"event": "score", "data": {"a": 1}}, {"type": 1, "target": "left"},
           {"target": [1, 2], "type": 6.5}, {"topic": "weather", "event": "rain"}, {"result": "win"}, {"janus": "god of doors"}, {"subscribe": "yes"},
           {"type": "data", "x": 1}, {"type": "complete"}, {"type": "message", "id": "a"}, {"jsonrpc": "maybe"}, {"price": 2.5, "currency": "EUR"}]
LINES = ["SEND help\nplease", "CONNECT the dots", "CONNECTED at last\nyes", "INFO the server is up\r\n", "PUB opens at 8\r\n", "MSG me\r\n", "+OK", "-ERR or so",
         "INVITE Ada to the party", "REGISTER here: now", "SIP a tea", "4.size matters", "3.14,2.71;", "0.,1.a;", "HTTP/1.1 is old", "RFB stands for?",
         "key:value\nother:value\n\nbody", "Content-Length of a rope", "GET a life", "\n", "\r\n\r\n", "id: 1\ndata: x\n\n"]
CSV = ["time,price,volume", "2024-01-01T00:00:00Z,2.50,100", "2024-01-01T00:00:01Z,2.75,7", "1,2,3\n4,5,6\n", "2,\"a, b\",c", "42,EVENT,x", "a;b;c", "\t1\t2"]
XML = ["<note><to>Ada</to></note>", '<?xml version="1.0"?><prices><tea>2.5</tea></prices>', '<open door="1"/>', "<message>hi</message>", "<iq>130</iq>",
       "<p>not <b>closed", "a < b > c", "<svg xmlns='http://www.w3.org/2000/svg'><g/></svg>", "<close/>", "<presence/>", "<!-- nothing -->"]


def block(number):
    return random.Random(number).randbytes([1, 2, 3, 4, 5, 8, 12, 16, 33, 64, 200][number % 11])


# The first byte, or the first two, of some protocol, and nothing after them that fits.
SHAPED = [bytes.fromhex(text) for text in ("10", "1005ffffffffff", "30ff80ff", "c0", "c0ff", "d00100", "e001ff", "20020500ff", "9106ff", "000000", "00000a",
                                           "0000000a00", "04", "0400ff", "0402", "524642", "414d5150ff", "1f8b", "1f8bffff0000", "789c", "789cffff", "28b52ffd",
                                           "ffd8", "ff00", "ff0102", "0001ff", "83", "84182a", "9420", "dc0001", "000400000000", "0203ff")]

CASES = {
    "digits": (CHAT, "chat texts that begin like packets of Engine.IO or SockJS: `42 is the answer`"),
    "arrays": ([json.dumps(a) for a in ARRAYS], "JSON arrays of no protocol, near to SockJS, WAMP, OCPP and Phoenix"),
    "objects": ([json.dumps(o) for o in OBJECTS], "JSON objects with keys such as type, event, op, msg, method, channel, of no protocol"),
    "lines": (LINES, "texts that begin like STOMP, NATS, SIP, Guacamole, RFB or LSP"),
    "csv": (CSV, "lines of CSV"),
    "xml": (XML, "XML and HTML of no protocol, near to XMPP"),
    "base64": ([base64.b64encode(block(n)).decode() for n in range(22)], "base64 of random bytes as text"),
    "random": ([block(n) for n in range(33)], "random bytes of 1 to 200"),
    "shaped": (SHAPED, "bytes that begin like MQTT, Yjs, RFB, AMQP, gzip, MessagePack, CBOR, SignalR, and do not go on like them"),
}

for name, (messages, shows) in CASES.items():
    @sample(f"plain-{name}.pcapng", programs=["websockets"], bpf=f"tcp port {PORT}", shows=f"no protocol: {shows}; echoed")
    async def plain(run, messages=messages):
        async with server(run, echo, port=PORT, compression=None):
            async with client(run, f"ws://127.0.0.1:{PORT}/", compression=None) as connection:
                for message in messages:
                    await connection.send(message)
                    await connection.recv()
        await settle(0.1)


if __name__ == "__main__":
    stage.main()
