"""Tunnels made by hand: exchanges of the tunnel cluster, as rows of the commands table."""

from typing import Any

from tests.analysis.frames import GAS, HUB, METER, STRANGER, decoded, devices, smart_energy

ROLES = {"CHF": HUB, "ESME": METER, "GSME": GAS, "PPMID": STRANGER}
NAMES = {  # command and direction of cluster 0x0704
    "request": (0x00, "to-server"), "close": (0x01, "to-server"), "data": (0x02, "to-server"), "error-back": (0x03, "to-server"),
    "granted": (0x00, "to-client"), "data-back": (0x01, "to-client"), "error": (0x02, "to-client"),
}  # fmt: skip
Step = tuple[float, int, int, str, dict[str, Any]]


def step(seconds: float, source: int, destination: int, name: str, **fields: Any) -> Step:
    """One command of the Tunneling cluster; texts go to ``value``, numbers to ``number`` as well."""
    return seconds, source, destination, name, fields


def exchange(*steps: Step, until: float = 0.0, roles: dict[str, int] | None = None, **tables: Any) -> Any:
    """The tables of a capture with `steps`, that ends `until` seconds after its start."""
    rows, commands = [], []
    ordered = sorted(steps, key=lambda s: s[0])
    for number, (seconds, source, destination, name, fields) in enumerate(ordered, 1):
        row = smart_energy(seconds, aps_cluster=0x0704)
        rows.append({**row, "nwk_src_eui64": source, "nwk_dst_eui64": destination, "nwk_sender": source})
        identifier, direction = NAMES[name]
        base = {
            "frame": number, "time": row["time"], "layer": "zcl", "source": source, "destination": destination,
            "cluster": 0x0704, "direction": direction, "command": identifier,
        }  # fmt: skip
        for field, value in (fields or {"protocol_id": 6}).items():
            number_of = float(value) if not isinstance(value, str) else None
            commands.append({**base, "field": field, "value": str(value), "number": number_of})
    if until:
        rows.append(smart_energy(until))
    return decoded(rows, commands=commands, devices=devices(**(roles or ROLES)), **tables)


def opened(seconds: float = 0.0, client: int = HUB, server: int = METER, tunnel: int = 1) -> list[Step]:
    return [
        step(seconds, client, server, "request"),
        step(seconds + 1, server, client, "granted", tunnel_id=tunnel, tunnel_status=0),
    ]


def sent(seconds: float, octets: str = "dd00", source: int = HUB, to: int = METER, tunnel: int = 1) -> Step:
    return step(seconds, source, to, "data", tunnel_id=tunnel, data=octets)


def answered(seconds: float, octets: str, source: int = HUB, to: int = GAS, tunnel: int = 1) -> Step:
    return step(seconds, source, to, "data-back", tunnel_id=tunnel, data=octets)
