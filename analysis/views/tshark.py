"""What tshark says of a capture, through pyshark, with the same keys: rows for `analysis.views.crosscheck`.

Strategy: tshark gets its keys and preferences from a configuration folder of its own, made for one run and
readable by its owner only: a key on a command line would show in the list of processes. tshark is told
what the last octets of the frames are, which it cannot find out.
"""

from __future__ import annotations

import logging
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from analysis.views.crosscheck import tshark_fields
from dissectors import Key

__all__ = ["TsharkFailed", "TsharkMissing", "tshark_rows", "tshark_version"]

FCS_FORMATS = {"ti": "TI CC24xx metadata", "fcs16": "ITU-T CRC-16", "fcs32": "ITU-T CRC-32"}
CLUSTER_COMMAND = re.compile(r"_cmd_srv_(?:rx|tx)_id$")
CLUSTER_ATTRIBUTE = re.compile(r"_attr_id$")


class TsharkMissing(Exception):
    """tshark is not installed."""


class TsharkFailed(Exception):
    """tshark ran and did not finish well."""


def tshark_version() -> str:
    """What tshark calls itself, such as ``"4.0.17"``.

    Raises:
        TsharkMissing: there is none.
    """
    path = shutil.which("tshark")
    if path is None:
        raise TsharkMissing("tshark is not installed")
    said = subprocess.run([path, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"\d+\.\d+\.\d+", said)
    return found.group(0) if found else "unknown"


@contextmanager
def _configuration(keys: Iterable[Key]) -> Iterator[None]:
    """A configuration folder for one run, named in the environment that tshark inherits."""
    before = os.environ.get("WIRESHARK_CONFIG_DIR")
    with tempfile.TemporaryDirectory(prefix="hanscope-tshark-") as folder:
        lines = [
            f'"{key.value.hex(":")}","Normal","key {number}"\n'
            for number, key in enumerate(keys)
            if key.kind in ("network", "link")
        ]
        (Path(folder) / "zigbee_pc_keys").write_text("".join(lines))
        os.environ["WIRESHARK_CONFIG_DIR"] = folder
        try:
            yield
        finally:
            if before is None:
                del os.environ["WIRESHARK_CONFIG_DIR"]
            else:
                os.environ["WIRESHARK_CONFIG_DIR"] = before


def tshark_rows(path: Path, keys: Iterable[Key], trailer: str) -> Iterator[dict[str, str]]:
    """Each frame of `path` as tshark reads it: the fields that a comparison needs, as text.

    Args:
        path: a capture of a format that tshark reads.
        keys: for its ZigBee dissector.
        trailer: what the last octets are, as in `dissectors.model.frame.Trailer`.

    Raises:
        TsharkMissing: there is no tshark.
        TsharkFailed: it stopped before the end.
    """
    tshark_version()
    import asyncio

    from pyshark import FileCapture
    from pyshark.capture.capture import TSharkCrashException

    logging.getLogger("asyncio").setLevel(logging.ERROR)  # or it tells of the race below
    loop = asyncio.new_event_loop()
    preferences = {"wpan.fcs_format": FCS_FORMATS.get(trailer, FCS_FORMATS["fcs16"])}
    with _configuration(keys):
        asyncio.set_event_loop(loop)
        capture = FileCapture(
            str(path), keep_packets=False, use_ek=True, override_prefs=preferences, eventloop=loop
        )
        try:
            for packet in capture:
                yield _row(packet)
        except TSharkCrashException as error:
            if not _lost_race(str(error)):
                raise TsharkFailed(str(error).splitlines()[0]) from error
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            # A record that is no packet (a custom block of pcapng, say) has not what pyshark takes for granted.
            text = f"from some record on, what it says is not understood ({type(error).__name__} in pyshark)"
            raise TsharkFailed(text) from error
        finally:
            _close(capture, TSharkCrashException)
            asyncio.set_event_loop(None)
            loop.close()


def _lost_race(said: str) -> bool:
    # asyncio before Python 3.12 gives 255 when somebody else collected the exit code first; tshark never does.
    return "retcode: 255" in said


def _close(capture: Any, crash: type[Exception]) -> None:
    with suppress(crash):
        capture.close()
    capture._running_processes.clear()  # or its finalizer complains of the same once more


def _row(packet: Any) -> dict[str, str]:
    row = {"frame.number": str(packet.number)}
    wanted = {name.replace(".", "_"): name for name in tshark_fields()}
    for layer in packet.layers:
        said: Mapping[str, Any] = layer._fields_dict
        for part in said if isinstance(said, list) else [said]:
            if isinstance(part, Mapping):
                _take(part, f"{layer.layer_name}_".replace(".", "_"), wanted, row)
    return row


def _take(said: Mapping[str, Any], prefix: str, wanted: Mapping[str, str], row: dict[str, str]) -> None:
    for key, value in said.items():
        name = key.removeprefix(prefix)
        field = wanted.get(name)
        if field is None and prefix.startswith("zbee_zcl_"):
            field = _cluster_field(name)
        if field is not None and field not in row:
            row[field] = _text(value)


def _cluster_field(name: str) -> str | None:
    # tshark's clusters have fields of their own for what all clusters have.
    if CLUSTER_COMMAND.search(name):
        return "zbee_zcl.cs.cmd.id"
    return "zbee_zcl.attr.id" if CLUSTER_ATTRIBUTE.search(name) else None


def _text(value: Any) -> str:
    if isinstance(value, list):
        value = value[0] if value else ""
    if isinstance(value, bool):
        return str(int(value))
    return "" if value is None else str(value)
