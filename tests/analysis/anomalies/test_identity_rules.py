"""Rules on identity: what breaks each of them, and what keeps it."""

from typing import Any

import pandas as pd

from analysis.engine.checking import check
from tests.analysis.anomalies.rows import Rows, command, stream
from tests.analysis.frames import GAS, HUB, METER, STRANGER, decoded, packet, table
from tests.analysis.verdicts import Case, each_of

SUPPLIER, OPERATOR, OTHER = 0x90B3D5FFFEF10000, 0x90B3D5FFFEF20000, 0x90B3D5FFFEF30000


def hubs(*joins: dict[str, Any], other: int = 20) -> Rows:
    """The hub, and then another device under its address."""
    rows = stream(20, HUB, step=15.0)
    taken = {"nwk_sender": STRANGER, "nwk_src_eui64": STRANGER, "nwk_counter": 9000}
    rows += [packet(300 + 15 * n, HUB, mac_seq=n, **{**taken, "nwk_counter": 9000 + n}) for n in range(other)]
    return [*rows, *joins]


def keys(*old: int, switch: float = 500) -> Rows:
    """Three devices that take key 1 at `switch`, but for those in `old`."""
    return [
        packet(n * 20 + i, who, None, mac_seq=n, nwk_key_seq=int(n * 20 > switch and who not in old))
        for i, who in enumerate((HUB, METER, GAS)) for n in range(100)
    ]  # fmt: skip


def versions(*held: int) -> Any:
    rows = [
        {"frame": n + 1, "time": packet(60 * n)["time"], "layer": "zcl", "source": METER, "destination": HUB,
         "cluster": 0x19, "direction": "to-server", "command": 1, "field": name, "number": float(value)}
        for n, version in enumerate(held)
        for name, value in (("manufacturer_id", 7), ("image_type", 1), ("current_file_version", version))
    ]  # fmt: skip
    return decoded(smart(len(held)), commands=rows)


def smart(number: int) -> Rows:
    return [
        packet(60 * n, METER, HUB, aps_profile=0x0109, aps_cluster=0x0702, aps_type="data")
        for n in range(number)
    ]


def codes(*entered: tuple[float, str, int]) -> Any:
    rows = [
        {"frame": n + 1, "time": packet(when)["time"], "layer": "zcl", "source": HUB, "destination": meter, "cluster": 0x0705,
         "direction": "to-server", "command": 4, "field": "top_up_code", "value": code}
        for n, (when, code, meter) in enumerate(entered)
    ]  # fmt: skip
    return decoded(smart(len(entered)), commands=rows)


def certificate(whose: int, role: str, chain: str = "trusted") -> Any:
    """A message with a certificate, and what keys.toml says of two parties."""
    tables = decoded(
        smart(2), messages=[{"message": 1, "frames": [1], "time": packet(0)["time"], "kind": "gbcs"}]
    )
    row = {
        "certificate": 1,
        "whose": f"{whose:016x}",
        "role": role,
        "chain": chain,
        "origin": "seen",
        "message": 1,
        "frame": 1,
    }
    parties = [{"eui64": SUPPLIER, "role": "Supplier", "name": "Supplier"},
               {"eui64": OPERATOR, "role": "Network Operator", "name": "Operator"}]  # fmt: skip
    devices = pd.concat([tables["devices"], table("devices", parties)], ignore_index=True)
    return {**tables, "certificates": table("certificates", [row]), "devices": devices}


def handed_out(number: int) -> Any:
    """Three devices under network key 1, and a network key that the hub hands out."""
    rows = [{**row, "frame": n} for n, row in enumerate(keys(switch=-1), 1)]
    given = [
        {"frame": 900, "time": packet(500)["time"], "layer": "aps", "source": HUB, "command": 5, "field": name, "number": float(value)}
        for name, value in (("key_type", 1), ("key_sequence", number))
    ]  # fmt: skip
    return decoded(rows, commands=given)


CASES: dict[str, Case] = {
    "network-key-unused": (lambda: handed_out(2), lambda: handed_out(1)),
    "hub-changed": (hubs, lambda: stream(60, HUB, step=15.0)),
    "key-update-missed": (lambda: keys(METER), keys),
    "firmware-went-back": (lambda: versions(2, 2, 1), lambda: versions(1, 1, 2)),
    "top-up-code-twice": (
        lambda: codes((0, "1234", METER), (900, "1234", METER)),
        lambda: codes((0, "1234", METER), (1, "1234", METER), (900, "5678", METER)),
    ),
    "party-certificate": (
        lambda: certificate(OTHER, "Network Operator"),
        lambda: certificate(OPERATOR, "Network Operator"),
    ),
}

test_broken_and_kept = each_of(CASES)


def levels(rule: str, tables: Any) -> list[str]:
    return [
        f.severity
        for f in check(decoded(tables) if isinstance(tables, list) else tables, rules=[rule]).findings
    ]


def test_a_hub_that_devices_join_was_exchanged() -> None:
    joins = command(320, 1, sender=METER, mac_src_mode="extended", mac_src=METER)
    assert levels("hub-changed", hubs(joins)) == ["info"]
    assert levels("hub-changed", hubs()) == ["warning"]
    assert levels("hub-changed", hubs(other=5)) == []


def test_a_code_for_two_meters_warns() -> None:
    assert levels("top-up-code-twice", codes((0, "1234", METER), (9, "1234", GAS))) == ["warning"]
    assert levels("top-up-code-twice", codes((0, "1234", METER), (900, "1234", METER))) == ["info"]


def test_a_supplier_may_change_and_an_operator_may_not() -> None:
    assert levels("party-certificate", certificate(OTHER, "Supplier")) == ["info"]
    assert levels("party-certificate", certificate(OTHER, "Supplier", "untrusted")) == ["warning"]
    assert levels("party-certificate", certificate(SUPPLIER, "Network Operator")) == ["warning"]


def test_a_supplier_that_comes_by_a_proved_update_informs() -> None:
    tables = certificate(OTHER, "Supplier", "unchecked")
    proved = {"use_case": "CS02b", "cra": "command", "signature": "valid", "mac": "valid"}
    messages = table(
        "messages", [{"message": 1, "frames": [1], "time": packet(0)["time"], "kind": "gbcs", **proved}]
    )
    assert levels("party-certificate", tables) == ["warning"]
    assert levels("party-certificate", {**tables, "messages": messages}) == ["info"]
