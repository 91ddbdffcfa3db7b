"""Who sent a frame and who received it, as people call them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache, partial
from typing import Any

from analysis.tables.addresses import with_addresses

__all__ = ["ENDS", "end_column", "end_text", "names_of_devices"]

ENDS = {"source": "src", "destination": "dst"}
SHORT_DIGITS = 4


def end_text(names: Mapping[str, str], eui64: str | None, short: str | None, mac: str | None) -> str | None:
    """One end of a frame: its name, else its short address, else its EUI-64, else nothing.

    Args:
        names: by EUI-64.
        eui64: its EUI-64 in hex digits, where it is known.
        short: its NWK address.
        mac: its MAC address, short or extended.

    >>> meter = "90b3d5fffe0000a0"
    >>> end_text({meter: "Gas meter"}, meter, "1a2b", None), end_text({}, None, "fffd", None)
    ('Gas meter', 'broadcast')
    """
    extended = eui64 if eui64 is not None else mac if mac is not None and len(mac) > SHORT_DIGITS else None
    if extended is not None and extended in names:
        return names[extended]
    short = short if short is not None else mac
    if short is not None and len(short) == SHORT_DIGITS:
        return "broadcast" if short >= "fff8" else f"0x{short}"
    return extended


def names_of_devices(rows: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Names by EUI-64 in hex digits, of rows of the `devices` table with addresses as text or numbers."""
    found = {}
    for row in rows:
        eui64, name = row.get("eui64"), row.get("name")
        if eui64 is not None and isinstance(name, str) and name:
            found[eui64 if isinstance(eui64, str) else f"{eui64:016x}"] = name
    return found


def end_column(end: str, packets: Any, names: Mapping[str, str]) -> list[str | None]:
    """The sources, or the destinations, of a record batch of packets."""
    side = ENDS[end]
    batch = with_addresses("packets", packets)
    columns = [
        batch.column(f"{place}").to_pylist() for place in (f"nwk_{side}_eui64", f"nwk_{side}", f"mac_{side}")
    ]
    told = lru_cache(maxsize=4096)(partial(end_text, names))
    return [told(eui64, short, mac) for eui64, short, mac in zip(*columns, strict=True)]
