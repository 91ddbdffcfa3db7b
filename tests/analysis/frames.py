"""Small tables made by hand, with the dtypes that the decoder gives them."""

from typing import Any

import pandas as pd
import pyarrow as pa

from analysis.tables.schema import TABLES

HUB, METER, GAS, STRANGER = 0x00DB1234567890A0, 0x90B3D51F30010000, 0x90B3D51F30020000, 0x6666666666666666
PAN = 0x1A62
SHORTS = {HUB: 0x0000, METER: 0x1001, GAS: 0x2002, STRANGER: 0x6666}
ARROW = {
    "time": pa.timestamp("ns", "UTC"),
    "category": pa.dictionary(pa.int32(), pa.string()),
    "frames": pa.list_(pa.uint64()),
}


def table(name: str, rows: list[dict[str, Any]]) -> pd.DataFrame:
    """`rows` as the table `name`; what a row lacks is null."""
    columns = {}
    for column in TABLES[name]:
        kind = ARROW.get(column.type) or pa.type_for_alias(column.type)
        values = [row.get(column.name) for row in rows]
        array = pa.array(values, pa.string()).dictionary_encode() if column.type == "category" else None
        columns[column.name] = pd.Series(
            pd.array(array if array is not None else pa.array(values, kind), dtype=pd.ArrowDtype(kind))
        )
        unknown = {k for row in rows for k in row} - {c.name for c in TABLES[name]}
        assert not unknown, unknown
    return pd.DataFrame(columns)


def packet(
    seconds: float = 0.0, sender: int = METER, receiver: int | None = HUB, **more: Any
) -> dict[str, Any]:
    """A secured, readable, good data frame from `sender` to `receiver` (None: broadcast)."""
    row = {
        "time": int(1_700_000_000_000_000_000 + round(seconds * 1e9)),
        "capture": "hand made", "length": 60, "channel": 15, "fcs_ok": True, "rssi": -60, "lqi": 200,
        "mac_type": "data", "mac_seq": int(seconds * 10) % 256,
        "mac_dst_mode": "short", "mac_src_mode": "short",
        "mac_dst_pan": PAN, "mac_src_pan": PAN,
        "mac_src": SHORTS[sender], "mac_ack_request": receiver is not None,
        "mac_dst": 0xFFFF if receiver is None else SHORTS[receiver],
        "nwk_type": "data", "nwk_src": SHORTS[sender],
        "nwk_dst": 0xFFFD if receiver is None else SHORTS[receiver],
        "nwk_src_eui64": sender, "nwk_dst_eui64": receiver, "nwk_sender": sender, "nwk_key_seq": 0,
        "nwk_security": "ok", "nwk_key": "keys.toml", "protocol": "zigbee", "summary": "data",
    }  # fmt: skip
    return {**row, **more}


def mac_only(seconds: float, kind: str, **more: Any) -> dict[str, Any]:
    """A frame of the MAC layer alone: beacon, ack or command."""
    row = packet(seconds, **{k: more.pop(k) for k in ("sender", "receiver") if k in more})
    row = {k: None if k.startswith("nwk_") else v for k, v in row.items()}
    return {**row, "mac_type": kind, "protocol": "802.15.4", "mac_ack_request": kind == "command", **more}


def packets(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """The packets table, in time order, frames numbered from 1, counters rising where none is given."""
    counters: dict[Any, int] = {}
    out = []
    for number, row in enumerate(sorted(rows, key=lambda r: r["time"]), 1):
        if row.get("nwk_sender") and "nwk_counter" not in row:
            counters[row["nwk_sender"]] = counters.get(row["nwk_sender"], 1000) + 1
            row = {**row, "nwk_counter": counters[row["nwk_sender"]], "nwk_digest": number}
        out.append({"frame": number, **row})
    return table("packets", out)


def devices(**roles: int) -> pd.DataFrame:
    """The devices table: role to EUI-64."""
    return table(
        "devices",
        [
            {"eui64": eui, "short": SHORTS.get(eui), "pan": PAN, "role": role, "name": role, "frames": 1}
            for role, eui in roles.items()
        ],
    )


HAN = {"CHF": HUB, "ESME": METER, "GSME": GAS}


def decoded(rows: list[dict[str, Any]], **tables: Any) -> dict[str, pd.DataFrame]:
    """Tables of a capture of `rows`; other tables as lists of rows."""
    out = {"packets": packets(rows), "devices": devices(**HAN)}
    for name, content in tables.items():
        out[name] = content if isinstance(content, pd.DataFrame) else table(name, content)
    return out


def smart_energy(
    seconds: float = 0.0, sender: int = METER, receiver: int | None = HUB, **more: Any
) -> dict[str, Any]:
    """A Smart Energy data frame under a link key."""
    row = {
        "aps_type": "data",
        "aps_profile": 0x0109, "aps_cluster": 0x0702, "aps_security": "ok", "aps_key_id": "link",
        "aps_key": "keys.toml",
        "aps_src_endpoint": 1, "aps_dst_endpoint": 1, "aps_counter": int(seconds) % 256,
        "aps_sender": sender,
    }  # fmt: skip
    return packet(seconds, sender, receiver, **{**row, **more})
