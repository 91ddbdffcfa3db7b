"""Rules on addresses: what breaks each of them, and what keeps it."""

from typing import Any

from dissectors.layout import eui64_text
from tests.analysis.frames import METER, SHORTS, decoded, packet
from tests.analysis.verdicts import Case, each_of, finds

TI = 0x00124B0001020304
"""An address whose decimal form has sixteen digits, as its hexadecimal form has."""


def announce(moves: bool, eui64: int = METER, **written: Any) -> Any:
    who = {"nwk_src_eui64": eui64, "nwk_sender": eui64}
    rows = [
        packet(1, METER, None, **who),
        packet(5, METER, nwk_src=0x7777 if not moves else SHORTS[METER], **who),
    ]
    fields = [
        {
            "frame": 1,
            "layer": "zdp",
            "cluster": 0x13,
            "field": "nwk_address",
            "number": 0x7777,
            "value": "0x7777",
        },
        {
            "frame": 1,
            "layer": "zdp",
            "cluster": 0x13,
            "field": "ieee_address",
            **(written or {"value": f"{METER:016x}"}),
        },
    ]
    times = [{**f, "time": rows[0]["time"]} for f in fields]
    return decoded(rows, commands=times)


CASES: dict[str, Case] = {
    "announce-forged": (lambda: announce(True), lambda: announce(False)),
}  # fmt: skip


test_broken_and_kept = each_of(CASES)


def test_an_address_of_sixteen_decimal_digits_is_read_as_the_decoder_writes_it() -> None:
    written = {"value": str(TI), "number": float(TI), "meaning": eui64_text(TI)}
    finds("announce-forged", announce(True, TI, **written))
