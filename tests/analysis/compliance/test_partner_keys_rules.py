"""Rules on partner keys: what breaks each of them, and what keeps it."""

from typing import Any

from tests.analysis.compliance.rows import Rows, at, command, home
from tests.analysis.frames import GAS, HUB, METER, STRANGER
from tests.analysis.verdicts import Case, each_of


def key(seconds: float, number: int, kind: int, source: int, target: int) -> Rows:
    row = {
        "frame": int(seconds * 10),
        "time": at(seconds),
        "layer": "aps",
        "command": number,
        "source": source,
    }
    return [{**row, "destination": target, "field": "key_type", "number": kind}]


def sent_by(source: int) -> Any:
    return home(commands=[*key(10, 0x08, 2, GAS, HUB), *key(11, 0x05, 3, source, GAS)])


def given_at(seconds: float) -> Any:
    """A key that the hub gives out, asked for at the tenth second."""
    return home(commands=[*key(10, 0x08, 2, GAS, HUB), *key(seconds, 0x05, 3, HUB, GAS)])


def established(given: bool) -> Any:
    keys = key(390, 0x05, 3, HUB, GAS) if given else []
    return home(commands=[*keys, *command(400, 0x0800, 0x00, GAS, METER, key_establishment_suite=2)])


CASES: dict[str, Case] = {
    "partner-key-source": (lambda: sent_by(STRANGER), lambda: sent_by(HUB)),
    "partner-key-unasked": (lambda: given_at(500), lambda: given_at(11)),
    "partner-key-first": (lambda: established(given=False), lambda: established(given=True)),
}


test_broken_and_kept = each_of(CASES)
