"""OCPP-J 1.6 and 2.0.1: PyPI ocpp on both ends, over Python websockets. The log is the library's message objects when they are made text."""

import asyncio
import base64
import json
import logging

import stage

stage.enter()

import ocpp.messages
from ocpp import v16, v201
from ocpp.exceptions import InternalError
from ocpp.routing import on

from python_endpoints import client, server, settle
from stage import sample

logging.disable(logging.CRITICAL)
PORT = 9018
NOW = "2024-01-01T00:00:00Z"
MADE = {}


def watch_texts():
    """Remember by its text every message object that is made text."""
    for kind in (ocpp.messages.Call, ocpp.messages.CallResult, ocpp.messages.CallError):
        def watched(self, make=kind.to_json):
            text = make(self)
            MADE[text] = self
            return text

        kind.to_json = watched


def fields(message, actions):
    """A message object in the names of the decoder; `actions` are those of the calls so far, by id."""
    kind = type(message).__name__.lower()
    if kind == "call":
        actions[message.unique_id] = message.action
    out = {"ocpp.type": kind, "ocpp.id": message.unique_id, "ocpp.action": actions[message.unique_id]}
    if kind == "callerror":
        out["ocpp.error_code"] = message.error_code
    return out


def watch(run, point, connection, side, actions):
    """Log what a charge point object of the library is about to send."""
    send = point._send

    async def watched(text):
        run.unit(connection, side, "ocpp", **fields(MADE[text], actions))
        await send(text)

    point._send = watched


class Station16(v16.ChargePoint):
    @on("Reset")
    def reset(self, type):
        return v16.call_result.Reset(status="Accepted")

    @on("GetConfiguration")
    def configuration(self, key=None):
        return v16.call_result.GetConfiguration(configuration_key=[{"key": "HeartbeatInterval", "readonly": False, "value": "300"}], unknown_key=["Grüße"])

    @on("UnlockConnector")
    def unlock(self, connector_id):
        raise InternalError(description="the lock is stuck", details={"connector": connector_id})


class Central16(v16.ChargePoint):
    @on("BootNotification")
    def boot(self, charge_point_vendor, charge_point_model, **_):
        return v16.call_result.BootNotification(current_time=NOW, interval=300, status="Accepted")

    @on("Heartbeat")
    def heartbeat(self):
        return v16.call_result.Heartbeat(current_time=NOW)

    @on("Authorize")
    def authorize(self, id_tag):
        return v16.call_result.Authorize(id_tag_info={"status": "Accepted" if id_tag == "TAG1" else "Invalid"})

    @on("StartTransaction")
    async def start_transaction(self, **_):
        await asyncio.sleep(0.05)
        return v16.call_result.StartTransaction(transaction_id=7, id_tag_info={"status": "Accepted"})

    @on("MeterValues")
    def meter(self, **_):
        return v16.call_result.MeterValues()

    async def ask(self):
        await self.call(v16.call.GetConfiguration(key=["HeartbeatInterval", "Nothing"]))
        await self.call(v16.call.UnlockConnector(connector_id=1))
        await self.call(v16.call.ClearCache())
        await self.call(v16.call.Reset(type="Soft"))


async def charge16(point):
    meter = [{"timestamp": NOW, "sampledValue": [{"value": "12.5", "measurand": "Energy.Active.Import.Register", "unit": "kWh"}]}]
    await point.call(v16.call.BootNotification(charge_point_vendor="Lab", charge_point_model="One"))
    await point.call(v16.call.Heartbeat())
    for tag in ("TAG1", "TAG2"):
        await point.call(v16.call.Authorize(id_tag=tag))
    await point.call(v16.call.StartTransaction(connector_id=1, id_tag="TAG1", meter_start=0, timestamp=NOW))
    await point.call(v16.call.MeterValues(connector_id=1, meter_value=meter, transaction_id=7))
    await point.call(v16.call.Heartbeat(), unique_id="x" * 36)
    # The other end refuses what its schema does not allow, and does not know this action.
    await point.call(v16.call.Authorize(id_tag="a tag of more than twenty characters"), skip_schema_validation=True)
    await point.call(v16.call.DiagnosticsStatusNotification(status="Idle"))


class Station201(v201.ChargePoint):
    @on("GetVariables")
    def variables(self, get_variable_data):
        return v201.call_result.GetVariables(get_variable_result=[{**one, "attribute_status": "UnknownVariable"} for one in get_variable_data])

    @on("Reset")
    def reset(self, type, **_):
        raise InternalError(description="not now", details={})


class Central201(v201.ChargePoint):
    @on("BootNotification")
    def boot(self, **_):
        return v201.call_result.BootNotification(current_time=NOW, interval=300, status="Accepted")

    @on("TransactionEvent")
    def transaction(self, **_):
        return v201.call_result.TransactionEvent(total_cost=1.25)

    @on("StatusNotification")
    def status(self, **_):
        return v201.call_result.StatusNotification()

    async def ask(self):
        component = {"component": {"name": "Clock"}, "variable": {"name": "DateTime"}}
        await self.call(v201.call.GetVariables(get_variable_data=[component]))
        await self.call(v201.call.Reset(type="Immediate"))
        await self.call(v201.call.ClearCache())


async def charge201(point):
    await point.call(v201.call.BootNotification(charging_station={"model": "Two", "vendorName": "Lab"}, reason="PowerUp"))
    await point.call(v201.call.StatusNotification(timestamp=NOW, connector_status="Available", evse_id=1, connector_id=1))
    for kind, number in (("Started", 0), ("Ended", 1)):
        await point.call(v201.call.TransactionEvent(event_type=kind, timestamp=NOW, trigger_reason="CablePluggedIn", seq_no=number,
                                                    transaction_info={"transaction_id": "T-1"}, id_token={"id_token": "TAG1", "type": "ISO14443"}))
    await point.call(v201.call.TransactionEvent(event_type="Grown", timestamp=NOW, trigger_reason="CablePluggedIn", seq_no=2,
                                                transaction_info={"transaction_id": "T-1"}), skip_schema_validation=True)
    await point.call(v201.call.Heartbeat())


async def conversation(run, protocol, central, station, charge):
    watch_texts()
    actions = {}

    async def handler(connection):
        point = central("CP-1", connection)
        watch(run, point, 1, "server", actions)
        serving = asyncio.create_task(point.start())
        await connection.asked.wait()
        await point.ask()
        connection.answered.set()
        await asyncio.wait([serving])

    async def prepared(connection):
        connection.asked, connection.answered = asyncio.Event(), asyncio.Event()
        reached.set_result(connection)
        await handler(connection)

    reached = asyncio.get_running_loop().create_future()
    secret = base64.b64encode(b"CP-1:sesame-4711").decode()
    async with server(run, prepared, port=PORT, subprotocols=[protocol]):
        uri = f"ws://127.0.0.1:{PORT}/ocpp/CP-1"
        async with client(run, uri, subprotocols=[protocol], additional_headers={"Authorization": f"Basic {secret}"}) as connection:
            point = station("CP-1", connection)
            watch(run, point, 1, "client", actions)
            serving = asyncio.create_task(point.start())
            await charge(point)
            other = await reached
            other.asked.set()
            await other.answered.wait()
            await impatient(run, connection, actions)
            serving.cancel()
        await settle(0.2)


async def impatient(run, connection, actions):
    """A second call while the first is outstanding, and texts that are no OCPP."""
    for number in (1, 2):
        text = json.dumps([2, f"twice-{number}", "Heartbeat", {}])
        call = ocpp.messages.Call(f"twice-{number}", "Heartbeat", {})
        run.unit(1, "client", "ocpp", **fields(call, actions))
        await connection.send(text)
    await settle(0.1)
    for text in ("[9]", '[2,"cut'):
        await connection.send(text)
        await settle()


SHOWS = "CALL, CALLRESULT and CALLERROR both ways, a violated schema, an unknown action, two calls outstanding, broken texts; a password"


@sample("ocpp16.pcapng", programs=["ocpp", "websockets"], bpf=f"tcp port {PORT}", shows=f"OCPP 1.6: {SHOWS}")
async def ocpp16(run):
    await conversation(run, "ocpp1.6", Central16, Station16, charge16)


@sample("ocpp201.pcapng", programs=["ocpp", "websockets"], bpf=f"tcp port {PORT}", shows=f"OCPP 2.0.1: {SHOWS}")
async def ocpp201(run):
    await conversation(run, "ocpp2.0.1", Central201, Station201, charge201)


if __name__ == "__main__":
    stage.main()
