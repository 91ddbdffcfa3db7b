"""What a ZCL frame says in a line: names and no values, so that there are few distinct texts.

Used by the one-frame path and by the column path, once for each distinct shape.
"""

from __future__ import annotations

__all__ = ["PROTOCOL", "line", "records_text"]

PROTOCOL = "ZCL"


def line(cluster: str, command: str | None, code: int, detail: str = "") -> str:
    """The whole line: cluster, command (its code where it has no name), and what it is about.

    >>> line("Metering", None, 0x7F)
    'Metering: command 0x7F'
    """
    return f"{cluster}: {command or f'command 0x{code:02X}'}{detail}"


def records_text(first: str, status: str, count: int) -> str:
    """What attribute records are about: the first, its status when that is no success, how many more.

    >>> records_text("MeteringDeviceType", "UNSUPPORTED_ATTRIBUTE", 3)
    ' MeteringDeviceType: UNSUPPORTED_ATTRIBUTE and 2 more'
    """
    text = f" {first}: {status}" if status else f" {first}"
    return f"{text} and {count - 1} more" if count > 1 else text
