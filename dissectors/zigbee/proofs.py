"""Link keys of install codes, and which keys have proved to be right; for both paths."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from dissectors.errors import Malformed
from dissectors.keyring import Key, Keyring
from dissectors.zigbee.crypto import install_code_key

__all__ = ["KeyProofs", "install_code_keys"]


@dataclass(slots=True, eq=False, repr=False)
class KeyProofs:
    """Keys that have opened a frame: per PAN and key sequence number, or per pair of devices."""

    proven: set[tuple[object, bytes]] = field(default_factory=set)


def install_code_keys(keyring: Keyring, *devices: int | None) -> Iterator[Key]:
    """Link keys of the install codes of these devices; codes with a wrong CRC give none."""
    for code in keyring.install_codes:
        if code.device is not None and None not in devices and code.device not in devices:
            continue
        try:
            value = install_code_key(code.code)
        except Malformed:
            continue
        yield Key("link", value, origin="install code")
