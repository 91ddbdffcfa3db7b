"""Wireshark, opened at a frame; or the command that would, where it is not installed."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from pathlib import Path

from analysis.tables.filter_language import FilterError
from analysis.wireshark.display_filter import NoDisplayFilter, display_filter

__all__ = ["open_at", "start"]


def open_at(path: Path, frame: int, where: str = "") -> str:
    """Open a capture at a frame, with a filter of hanscope's where Wireshark has the same without a copy.

    Returns:
        What was done; where Wireshark is not installed the command that opens it elsewhere.
    """
    options = ["-r", str(path), "-g", str(frame)]
    said = ""
    if where.strip():
        try:
            found = display_filter(where)
            if not found.copy:
                options += ["-Y", found.text]
            else:
                said = f"; in a copy by hanscope wireshark the filter is {found.text}"
        except (FilterError, NoDisplayFilter) as reason:
            said = f"; without the filter: {reason}"
    if start(options):
        return f"Wireshark opens at frame {frame}{said}"
    return f"Wireshark is not installed here: {shlex.join(['wireshark', *options])}{said}"


def start(options: list[str]) -> bool:
    """Start Wireshark, which goes on by itself; False: it is not installed."""
    program = shutil.which("wireshark")
    if program is None:
        return False
    quiet = subprocess.DEVNULL
    subprocess.Popen([program, *options], stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True)
    return True
