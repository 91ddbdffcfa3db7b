"""Runs of key establishment made by hand, as rows of the commands table."""

from typing import Any

from tests.analysis.compliance.rows import Rows, command, home
from tests.analysis.frames import HUB, METER

INITIATE, EPHEMERAL, CONFIRM, TERMINATE = range(4)
LAYOUTS = {1: (22, 18), 2: (28, 38)}  # octets before and after the subject


def certificate(eui: int, suite: int = 2) -> str:
    before, after = LAYOUTS[suite]
    return "0a" * before + f"{eui:016x}" + "0b" * after


def step(
    seconds: float, number: int, side: int = METER, value: str | None = None, frame: int | None = None
) -> Rows:
    """One step of a run between METER (the initiator) and HUB, with field names of the cluster's table."""
    octets = {
        INITIATE: {"identity": value or certificate(side)},
        EPHEMERAL: {"ephemeral_data": value or f"02{side:016x}{int(seconds):056x}"},
        CONFIRM: {"secure_message_authentication_code": value or f"{side:016x}{int(seconds):016x}"},
        TERMINATE: {"status_code": 3, "wait_time": 30},
    }[number]
    times = (
        {"ephemeral_data_generate_time": 10, "confirm_key_generate_time": 10} if number == INITIATE else {}
    )
    own = {} if frame is None else {"frame": frame}
    return command(seconds, 0x0800, number, side, METER if side == HUB else HUB, **times, **octets, **own)


def run(start: float = 1.0, **swapped: str) -> Rows:
    """A whole run; `swapped` gives another value to a step of a side: ``hub_confirm="00.."``."""
    rows: Rows = []
    names = {"initiate": INITIATE, "ephemeral": EPHEMERAL, "confirm": CONFIRM}
    for n, (name, number) in enumerate(names.items()):
        rows += step(start + n, number, METER, swapped.get(f"meter_{name}"))
        rows += step(start + n + 0.5, number, HUB, swapped.get(f"hub_{name}"))
    return rows


def runs(*rows: dict[str, Any], until: float = 200.0) -> Any:
    return home(until=until, commands=list(rows))
