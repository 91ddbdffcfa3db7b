"""What Wireshark needs: the script, and a profile with columns, colours and filter buttons."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from analysis.wireshark.script import script
from captures.whole_files import write_whole

__all__ = ["Folders", "WiresharkError", "find_folders", "install", "key_lines"]

PROFILE = "hanscope"
SECONDS = 30
COLUMNS = (
    '"No.", "%m", "Time", "%t", "Source", "%s", "Destination", "%d", "Protocol", "%p", '
    '"hanscope", "%Cus:hanscope.protocol:0:R", "Says", "%Cus:hanscope.summary:0:R", '
    '"Finding", "%Cus:hanscope.finding.severity:0:R", "Info", "%i"'
)
COLOURS = (
    (
        "critical finding",
        'hanscope.finding.severity == "critical"',
        (40000, 6000, 12000),
        (65535, 65535, 65535),
    ),
    ("error", 'hanscope.finding.severity == "error"', (60000, 34000, 24000), (0, 0, 0)),
    ("warning", 'hanscope.finding.severity == "warning"', (65535, 58000, 34000), (0, 0, 0)),
    ("GBCS, MAC not valid", 'hanscope.gbcs.mac == "invalid"', (60000, 34000, 24000), (0, 0, 0)),
    ("GBCS", "hanscope.gbcs.use_case", (56000, 62000, 65535), (0, 0, 0)),
    ("refused", 'hanscope.exchange.outcome == "refused"', (65535, 60000, 48000), (0, 0, 0)),
)
BUTTONS = (
    ("Findings", "hanscope.finding.severity", "frames that a finding names"),
    ("GBCS", "hanscope.gbcs.use_case", "frames that carry GBCS messages"),
    ("Alerts", 'hanscope.gbcs.cra == "alert"', "GBCS alerts"),
    ("Refused", 'hanscope.exchange.outcome == "refused"', "exchanges that were refused"),
    ("Unanswered", 'hanscope.exchange.outcome == "unanswered"', "requests without an answer"),
)


class WiresharkError(Exception):
    """Wireshark is not there, or does not say where its folders are."""


class Folders:
    """Where Wireshark keeps a person's things.

    Attributes:
        plugins: Lua scripts.
        configuration: preferences and profiles.
    """

    def __init__(self, plugins: Path, configuration: Path) -> None:
        self.plugins = plugins
        self.configuration = configuration


def find_folders() -> Folders:
    """Ask the tshark or Wireshark that is installed.

    Raises:
        WiresharkError: neither is installed, or it does not say.
    """
    program = shutil.which("tshark") or shutil.which("wireshark")
    if program is None:
        raise WiresharkError("neither tshark nor wireshark is installed")
    try:
        told = subprocess.run(
            [program, "-G", "folders"], capture_output=True, text=True, timeout=SECONDS, check=False
        ).stdout
    except (OSError, subprocess.TimeoutExpired) as error:
        raise WiresharkError(f"{program} does not say where its folders are: {error}") from None
    found = dict(re.findall(r"^(Personal [^:]+):\s+(.+?)\s*$", told, re.MULTILINE))
    plugins = found.get("Personal Lua Plugins") or found.get("Personal Plugins")
    configuration = found.get("Personal configuration")
    if plugins is None or configuration is None:
        raise WiresharkError(f"{program} does not say where its folders are")
    return Folders(Path(plugins), Path(configuration))


def install(folders: Folders) -> list[Path]:
    """Write the script and the profile; returns what was written.

    Raises:
        OSError: a file cannot be written.
    """
    profile = folders.configuration / "profiles" / PROFILE
    files: Mapping[Path, str] = {
        folders.plugins / "hanscope.lua": script(),
        profile / "colorfilters": _colours(),
        profile / "dfilter_buttons": _buttons(),
        profile / "preferences": f"gui.column.format: {COLUMNS}\n",
    }
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, text)
    return list(files)


def _colours() -> str:
    lines = ["# hanscope: written by `hanscope install-wireshark`"]
    for name, filter_, back, ink in COLOURS:
        places = "".join(f"[{','.join(map(str, colour))}]" for colour in (back, ink))
        lines.append(f"@hanscope {name}@{filter_}@{places}")
    return "\n".join(lines) + "\n"


def _buttons() -> str:
    rows = ['"TRUE","{}","{}","{}"'.format(*(part.replace('"', "\\x22") for part in row)) for row in BUTTONS]
    return "# hanscope: written by `hanscope install-wireshark`\n" + "\n".join(rows) + "\n"


def key_lines(keys: list[bytes]) -> str:
    """The text of ``zigbee_pc_keys``, from which every Wireshark since 1.12 takes ZigBee keys."""
    rows = [
        f'"{":".join(f"{octet:02x}" for octet in key)}","Normal","hanscope"' for key in dict.fromkeys(keys)
    ]
    return "# ZigBee keys, written by `hanscope wireshark --reveal`\n" + "\n".join(rows) + "\n"
