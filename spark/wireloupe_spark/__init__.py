"""WebSockets of any number of captures as Spark tables; flows that cross files stay whole."""

from .job import (
    calls,
    connections,
    exchanges,
    findings,
    frames,
    messages,
    skew,
    table,
)
from .packets import register

__all__ = [
    "calls",
    "connections",
    "exchanges",
    "findings",
    "frames",
    "messages",
    "register",
    "skew",
    "table",
]
