"""Rows for the rule tests of this folder: streams of frames, beacons, MAC commands, acknowledgements."""

from typing import Any

from tests.analysis.frames import GAS, HUB, METER, mac_only, packet

Rows = list[dict[str, Any]]


def stream(count: int = 20, sender: int = METER, step: float = 1.0, start: float = 0.0, **more: Any) -> Rows:
    return [packet(start + n * step, sender, mac_seq=n % 256, **more) for n in range(count)]


def key_frame(**more: Any) -> Rows:
    base = {"aps_type": "command", "aps_command": 5, "aps_security": "ok", "aps_key": "keys.toml"}
    return [packet(1, HUB, GAS, **{**base, "nwk_security": "none", "aps_key_id": "key-transport", **more})]


def acked(row: dict[str, Any], delay: float = 0.002, **more: Any) -> Rows:
    seconds = row["time"] / 1e9 - 1_700_000_000 + delay
    return [
        row,
        {**mac_only(seconds, "ack", mac_seq=row["mac_seq"], mac_src=None, mac_src_mode="none"), **more},
    ]


def beacon(seconds: float, epid: int = HUB, permit: bool = False, **more: Any) -> dict[str, Any]:
    return mac_only(
        seconds, "beacon", sender=HUB, beacon_epid=epid, beacon_permit=permit, mac_dst=None, **more
    )


def command(seconds: float, number: int, **more: Any) -> dict[str, Any]:
    return mac_only(seconds, "command", mac_command=number, **more)


def numbered(*counters: int, step: float = 1.0, **more: Any) -> Rows:
    return [
        packet(n * step, nwk_counter=c, nwk_digest=1000 + n, mac_seq=n, **more)
        for n, c in enumerate(counters)
    ]
