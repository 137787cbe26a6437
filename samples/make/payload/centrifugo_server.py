"""A server of the Centrifugal client protocol for one conversation: the message classes are those of PyPI centrifuge-python."""

import asyncio
import contextlib
import json

from centrifuge.protocol import client_pb2 as protocol
from google.protobuf.internal.decoder import _DecodeVarint32
from google.protobuf.internal.encoder import _VarintBytes
from google.protobuf.json_format import MessageToDict, ParseDict

INFO = {"user": "ada", "client": "C1"}


class Json:
    """One JSON object a line, several in a message."""

    def commands(self, data):
        return [json.loads(line) for line in data.split("\n")]

    def replies(self, replies):
        return "\n".join(json.dumps(reply, ensure_ascii=False) for reply in replies)

    def data(self, value):
        return value


class Protobuf:
    """Each message with its length before it, several in a message."""

    def commands(self, data):
        at, found = 0, []
        while at < len(data):
            size, at = _DecodeVarint32(data, at)
            found.append(MessageToDict(protocol.Command.FromString(data[at : at + size]), preserving_proto_field_name=True))
            at += size
        return found

    def replies(self, replies):
        texts = [ParseDict(reply, protocol.Reply()).SerializeToString() for reply in replies]
        return b"".join(_VarintBytes(len(text)) + text for text in texts)

    def data(self, value):
        import base64
        return base64.b64encode(json.dumps(value).encode()).decode()


async def serve(connection, codec):
    async def send(*replies):
        await connection.send(codec.replies(replies))

    async def pings():
        while True:
            await asyncio.sleep(0.5)
            await send({})

    pinging = None
    with contextlib.ExitStack() as stack:
        async for data in connection:
            for command in codec.commands(data):
                number = command.get("id")
                kind = next((key for key in command if key != "id"), None)
                if kind is None or kind == "send":
                    continue
                if kind == "connect" and command["connect"]["token"] != "sesame-4711":
                    await connection.close(3500, "invalid token")
                    return
                await send(*answers(command, number, kind, codec))
                if kind == "connect":
                    pinging = asyncio.create_task(pings())
                    stack.callback(pinging.cancel)
                if command.get("rpc", {}).get("method") == "leave":
                    await send({"push": {"disconnect": {"code": 3003, "reason": "force disconnect"}}})
                    await connection.close(3003, "force disconnect")
                    return


def answers(command, number, kind, codec):
    """What is sent for a command: its reply, and what follows from it in the same message."""
    publication = {"data": codec.data({"title": "first", "n": 1}), "offset": 1}
    channel = command[kind].get("channel")
    if kind == "connect":
        return [{"id": number, "connect": {"client": "C1", "version": "0.0.0", "ping": 25, "pong": True, "data": codec.data({})}},
                {"push": {"message": {"data": codec.data({"hello": "ada"})}}}]
    if kind == "subscribe" and channel == "secret":
        return [{"id": number, "error": {"code": 103, "message": "permission denied"}}]
    if kind == "subscribe":
        return [{"id": number, "subscribe": {"recoverable": True, "epoch": "e1", "offset": 0}},
                {"push": {"channel": channel, "join": {"info": INFO}}}, {"push": {"channel": channel, "pub": publication}}]
    if kind == "rpc" and command["rpc"]["method"] != "add":
        return [{"id": number, "error": {"code": 108, "message": "not available", "temporary": True}}]
    result = {"publish": {}, "unsubscribe": {}, "presence": {"presence": {"C1": INFO}}, "presence_stats": {"num_clients": 1, "num_users": 1},
              "history": {"publications": [publication], "epoch": "e1", "offset": 1}, "rpc": {"data": codec.data({"sum": 42})}}[kind]
    return [{"id": number, kind: result}]
