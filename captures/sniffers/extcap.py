"""Wireshark's external capture interface: each sniffer, and the simulated HAN, as a Wireshark interface.

Wireshark runs this program with ``--extcap-interfaces``, ``--extcap-dlts``, ``--extcap-config`` and
``--capture`` (extcap(4)). Sentences go to standard output, the capture into the FIFO, talk to standard error.
Arguments that are not known are ignored: newer versions pass more.
"""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from captures.errors import CaptureError
from captures.whole_files import write_whole
from dissectors.text import printable

__all__ = ["INTERFACES", "install", "main"]

VERSION = "1.0"
DLT_TAP = 283


@dataclass(frozen=True, slots=True)
class Argument:
    """One setting of an interface, as Wireshark's dialogue shows it."""

    call: str
    display: str
    type: str
    default: str
    tooltip: str
    range: str = ""
    required: bool = False


_PORT = Argument(
    "port", "Serial port", "string", "/dev/ttyACM0", "Where the device is plugged in", required=True
)
_CHANNEL = Argument("channel", "Channel", "integer", "11", "2.4 GHz: 11 to 26", range="11,26")
_SUB_GHZ = Argument(
    "channel", "Channel", "integer", "11", "2.4 GHz: 11 to 26; sub-GHz: 0 to 62", range="0,62"
)
_PAGE = Argument("page", "Channel page", "integer", "0", "0: 2.4 GHz; 28 to 31: GB sub-GHz", range="0,31")
_SCENARIO = Argument(
    "scenario",
    "Scenario",
    "string",
    "install-day",
    "A scenario, and faults if you like: ordinary-day+replay (hanscope simulate --list names them)",
)
_SPEED = Argument("speed", "Speed", "double", "1", "Simulated seconds a second; 0 for as fast as possible")
_SEED = Argument("seed", "Seed", "integer", "1", "Same seed, same octets")

INTERFACES: dict[str, tuple[str, str, tuple[Argument, ...]]] = {
    "hanscope-nrf": ("hanscope: nRF 802.15.4 sniffer", "nrf", (_PORT, _CHANNEL)),
    "hanscope-zephyr": ("hanscope: Zephyr 802.15.4 sniffer", "zephyr", (_PORT, _CHANNEL)),
    "hanscope-cc2531": ("hanscope: TI CC2531 dongle", "cc2531", (_CHANNEL,)),
    "hanscope-smartrf": ("hanscope: TI SmartRF sniffer 2", "smartrf", (_PORT, _SUB_GHZ, _PAGE)),
    "hanscope-ezsp": (
        "hanscope: EmberZNet stick (JSON lines)",
        "ezsp",
        (Argument("port", "FIFO or file", "string", "", "What zigpy-cli writes", required=True),),
    ),
    "hanscope-zep": (
        "hanscope: ZEP over UDP",
        "zep",
        (Argument("port", "Listen on", "string", "0.0.0.0:17754", "Address and UDP port"),),
    ),
    "hanscope-wpan": (
        "hanscope: Linux wpan monitor",
        "wpan",
        (Argument("port", "Interface", "string", "monitor0", "Network interface"), _SUB_GHZ, _PAGE),
    ),
    "hanscope-simulated": ("hanscope: simulated HAN", "simulated", (_SCENARIO, _SPEED, _SEED)),
}
"""Interface name: (display name, scheme of `captures.sniffers.open_sniffer`, settings)."""


def main(argv: Sequence[str] | None = None) -> int:
    """Answer one call of Wireshark; the exit code is 0 unless the capture could not start."""
    words = list(sys.argv[1:] if argv is None else argv)
    options = _options(words)
    name = options.get("extcap-interface", "")
    if "extcap-interfaces" in options:
        _say_interfaces()
    elif name not in INTERFACES:
        sys.stderr.write(printable(f"hanscope: no interface {name}") + "\n")
        return 2
    elif "extcap-dlts" in options:
        sys.stdout.write(f"dlt {{number={DLT_TAP}}}{{name=IEEE802_15_4_TAP}}{{display=IEEE 802.15.4 TAP}}\n")
    elif "extcap-config" in options:
        _say_config(name)
    elif "capture" in options:
        return _capture(name, options)
    return 0


def _options(words: list[str]) -> dict[str, str]:
    """``--name value``, ``--name=value`` and bare ``--name``, by name."""
    found: dict[str, str] = {}
    for word, after in zip(words, [*words[1:], "--"], strict=True):
        if word.startswith("--"):
            name, _, value = word[2:].partition("=")
            found[name] = value or ("" if after.startswith("--") else after)
    return found


def _say_interfaces() -> None:
    sys.stdout.write(f"extcap {{version={VERSION}}}{{display=hanscope}}\n")
    for name, (display, _, _) in INTERFACES.items():
        sys.stdout.write(f"interface {{value={name}}}{{display={display}}}\n")


def _say_config(name: str) -> None:
    for number, argument in enumerate(INTERFACES[name][2]):
        parts = {
            "number": str(number),
            "call": f"--{argument.call}",
            "display": argument.display,
            "tooltip": argument.tooltip,
            "type": argument.type,
            "default": argument.default,
            "range": argument.range,
            "required": "true" if argument.required else "",
        }
        text = "".join(f"{{{key}={value}}}" for key, value in parts.items() if value)
        sys.stdout.write(f"arg {text}\n")


def _capture(name: str, options: dict[str, str]) -> int:
    from captures.sniffers import open_sniffer
    from captures.sniffers.recorder import record

    _, scheme, arguments = INTERFACES[name]
    given = {a.call: options.get(a.call) or a.default for a in arguments}
    try:
        sniffer = open_sniffer(
            f"{scheme}:{given.get('port') or given.get('scenario', '')}",
            channel=int(given.get("channel", 11)),
            page=int(given.get("page", 0)),
            speed=float(given.get("speed", 1)),
            seed=int(given.get("seed", 1)),
        )
    except (CaptureError, ValueError) as error:
        sys.stderr.write(printable(str(error)) + "\n")
        return 1
    stopping: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _frame: stopping.append(number))
    signal.signal(signal.SIGINT, lambda number, _frame: stopping.append(number))
    with Path(options["fifo"]).open("wb", buffering=0) as fifo:
        record(sniffer, fifo, stop=lambda: bool(stopping))
    return 0


def install(folder: Path | None = None) -> Path:
    """Write a launcher into Wireshark's personal extcap folder, and say where.

    Args:
        folder: where to write; asked of ``tshark -G folders`` when None.

    Raises:
        CaptureError: Wireshark's folder is not known and none was given, or it cannot be written.
    """
    name, text = launcher(windows=os.name == "nt")
    target = (folder or _wireshark_folder()) / name
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        write_whole(target, text)
        target.chmod(target.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
    except OSError as error:
        raise CaptureError(str(target), None, f"cannot write: {error.strerror}") from None
    return target


def launcher(*, windows: bool) -> tuple[str, str]:
    """What Wireshark starts to have our interfaces: the name of a script, and what stands in it."""
    root = Path(__file__).resolve().parents[2]
    checkout = (root / "pyproject.toml").exists()  # perhaps not installed
    if windows:
        path = f'set "PYTHONPATH={root};%PYTHONPATH%"\r\n' if checkout else ""
        return (
            "hanscope-extcap.bat",
            f'@echo off\r\n{path}"{sys.executable}" -m captures.sniffers.extcap %*\r\n',
        )
    path = f"PYTHONPATH='{root}'${{PYTHONPATH:+:$PYTHONPATH}} " if checkout else ""
    return "hanscope-extcap", f"#!/bin/sh\n{path}exec '{sys.executable}' -m captures.sniffers.extcap \"$@\"\n"


def _wireshark_folder() -> Path:
    try:
        listing = subprocess.run(
            ["tshark", "-G", "folders"], capture_output=True, text=True, check=False
        ).stdout
    except OSError:
        listing = ""
    folders = {}
    for line in listing.splitlines():
        label, _, path = line.partition(":")
        folders[label.strip()] = path.strip()
    if personal := folders.get("Personal Extcap path"):
        return Path(personal)
    if configuration := folders.get("Personal configuration"):  # Wireshark before 4.2
        return Path(configuration) / "extcap"
    raise CaptureError(
        "Wireshark", None, "tshark does not say where its extcap folder is", hint="name it with --folder"
    )


if __name__ == "__main__":
    sys.exit(main())
