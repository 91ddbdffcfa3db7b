"""Rows for the rule tests of this folder, and what every one of them must do.

A case is the rule's id, tables that break it, tables that keep it; tables are made when a test asks."""

from typing import Any

from tests.analysis.frames import GAS, HUB, METER, decoded, packet, smart_energy

Rows = list[dict[str, Any]]
START = packet(0)["time"]
EPOCH_NOW = START // 10**9 - 946_684_800  # seconds of the UTC type at the start


def at(seconds: float) -> int:
    """The time of the hand-made captures, `seconds` after their start."""
    return int(START + round(seconds * 1e9))


def home(*rows: dict[str, Any], until: float = 0.0, **tables: Any) -> Any:
    """Tables of a Smart Energy network that is heard from 0 to `until` seconds; attribute and command rows
    get a frame number of their own where they name none."""
    edge = [smart_energy(0, HUB, METER, aps_cluster=0x0700)]
    edge += [smart_energy(until, HUB, METER, aps_cluster=0x0700)] if until else []
    for name in ("attributes", "commands"):
        if name in tables:
            tables[name] = [{"frame": 1000 + n, **row} for n, row in enumerate(tables[name])]
    return decoded([*edge, *rows], **tables)


def attribute(
    seconds: float, cluster: int, number: int, value: float | None, source: int = HUB, **more: Any
) -> dict[str, Any]:
    """The value (None: a read of it) of an attribute, as the decoder's table has it."""
    row = (
        {"command": 0x00, "direction": "to-server"}
        if value is None
        else {"command": 0x01, "direction": "to-client"}
    )
    ends = {"source": source, "destination": METER if source == HUB else HUB}
    return {
        "time": at(seconds), "cluster": cluster, "attribute": number, "number": value, **ends, **row, **more,
    }  # fmt: skip


def command(
    seconds: float, cluster: int, number: int, source: int = METER, target: int = HUB, **more: Any
) -> Rows:
    """A ZCL command: one row per field of `more`, all of one frame; ``frame`` and ``direction`` as well."""
    row = {
        "time": at(seconds), "layer": "zcl", "cluster": cluster, "command": number, "source": source,
        "destination": target, "direction": more.pop("direction", "to-client" if source == HUB else "to-server"),
        "frame": more.pop("frame", 5000 + int(seconds * 100)),
    }  # fmt: skip
    fields = [
        {
            **row,
            "field": name,
            "value": str(value),
            "number": float(value) if isinstance(value, int) else None,
        }
        for name, value in more.items()
    ]
    return fields or [row]


TIME, METERING, OTA, REPORT = 0x000A, 0x0702, 0x0019, 0x0A


def reported(
    seconds: float, value: float = 1, cluster: int = METERING, number: int = 0, source: int = GAS
) -> dict[str, Any]:
    return attribute(seconds, cluster, number, value, source, command=REPORT)


def block(seconds: float, source: int = HUB, **more: Any) -> Rows:
    fields = {"status": 0, "file_offset": 0, "image_data": "1ef1ee0b00013800", **more}
    return command(seconds, OTA, 0x05, source, METER, direction="to-client", **fields)


def alert(seconds: float, code: int | None = None, message_code: int | None = None) -> dict[str, Any]:
    return {
        "message": int(seconds), "time": at(seconds), "kind": "gbcs", "alert_code": code,
        "message_code": message_code, "frames": [1],
    }  # fmt: skip


def aps_command(number: int, **more: Any) -> Any:
    base = {"aps_type": "command", "aps_command": number, "aps_security": "ok", "aps_key_id": "key-transport"}
    return home(packet(1, HUB, GAS, **{**base, **more}))
