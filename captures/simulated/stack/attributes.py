"""The attributes that simulated devices hold, the general commands that read and report them, and commands by fields."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from captures.simulated.air.exchanges import Exchanges
from captures.simulated.air.medium import Wait
from captures.simulated.air.truth import FrameTruth
from captures.simulated.stack.node import Node
from dissectors.zcl import build_payload, build_value, catalogue

__all__ = ["Attributes", "hold", "read", "record", "refuse", "report", "say"]

Value = Any | Callable[[], Any]

_READ, _READ_ANSWER, _REPORT = 0x00, 0x01, 0x0A
_UNSUPPORTED = 0x86


@dataclass(slots=True)
class Attributes:
    """What a device holds: data type and value (or how to get it) by cluster and attribute."""

    values: dict[tuple[int, int], tuple[int, Value]] = field(default_factory=dict)


def hold(node: Node, cluster: int, values: Mapping[int, tuple[int, Value]]) -> None:
    """Give `node` attributes of a cluster."""
    held = node.part(Attributes)
    for attribute, typed in values.items():
        held.values[cluster, attribute] = typed


def current(node: Node, cluster: int, attribute: int) -> tuple[int, Any] | None:
    """Data type and value of an attribute now; None when the node has none such."""
    typed = node.part(Attributes).values.get((cluster, attribute))
    if typed is None:
        return None
    kind, value = typed
    return kind, value() if callable(value) else value


def record(kind: int, value: Any) -> bytes:
    """Data type and value as they stand in a record."""
    known = catalogue.data_type(kind)
    assert known is not None, f"data type 0x{kind:02x}"
    return bytes([kind]) + build_value(known, value)


def read(asker: Node, server: Node, cluster: int, attributes: Sequence[int], **aps: Any) -> Wait:
    """Read attributes; returns {attribute: value} of those that came back, or None when no answer came."""
    request = b"".join(struct.pack("<H", a) for a in attributes)
    arrived, seq = yield from asker.send_zcl(server, cluster, _READ, request, general=True, asks=True, **aps)
    if not arrived or not server.up:
        return None
    values: dict[int, Any] = {}
    answer = b""
    for attribute in attributes:
        typed = current(server, cluster, attribute)
        if typed is None:
            answer += struct.pack("<HB", attribute, _UNSUPPORTED)
            continue
        values[attribute] = typed[1]
        answer += struct.pack("<HB", attribute, 0) + record(*typed)
    truth = _told(values)
    yield server.han.wait(0.02)
    if aps.get("endpoints"):
        aps["endpoints"] = aps["endpoints"][::-1]  # the answer goes back the way the question came
    back = server.send_zcl(
        asker, cluster, _READ_ANSWER, answer, general=True, to_client=True, seq=seq, truth=truth, **aps
    )
    if not values:
        refuse(asker, server, cluster, seq)
    came, _ = yield from asker.awake_for(back)
    return values if came else None


def report(
    server: Node, client: Node, cluster: int, attributes: Sequence[int], *, to_client: bool = True, **aps: Any
) -> Wait:
    """Report attributes; returns whether the report arrived. Readings are noted in the truth."""
    payload, values = b"", {}
    for attribute in attributes:
        typed = current(server, cluster, attribute)
        if typed is not None:
            payload += struct.pack("<H", attribute) + record(*typed)
            values[attribute] = typed[1]
    truth = _told(values)
    arrived, _ = yield from server.send_zcl(
        client, cluster, _REPORT, payload, general=True, to_client=to_client, truth=truth, **aps
    )
    return arrived


def refuse(asker: Node, server: Node, cluster: int, seq: int) -> None:
    """Note that a request is refused."""
    one = asker.han.part(Exchanges).asked.get((asker.address, server.address, cluster, seq))
    if one is not None:
        one.ended("refused")


def _told(values: Mapping[int, Any]) -> FrameTruth:
    return {"attributes": {f"{a:04x}": v if isinstance(v, int) else str(v) for a, v in values.items()}}


def say(server: Node, client: Node, cluster: int, command: int, values: dict[str, Any], **more: Any) -> Wait:
    """A cluster command to a client, by field values."""
    payload = build_payload(cluster, "to-client", command, values)
    arrived, seq = yield from server.send_zcl(client, cluster, command, payload, to_client=True, **more)
    return arrived, seq
