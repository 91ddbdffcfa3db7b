"""Keys as a person holds them: given by a file or a keyring, shown without a single octet."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from analysis.tables import html

if TYPE_CHECKING:
    from dissectors import Keyring

__all__ = ["Keys", "keyring_of"]


class Keys:
    """The keys that were given to `open`: what each is for and where it came from, never its octets.

    Attributes:
        ring: the keyring, as every function of the library takes it.
    """

    def __init__(self, ring: Keyring) -> None:
        self.ring = ring

    def rows(self) -> list[tuple[str, str, str]]:
        """Kind, scope and origin of each key.

        >>> from dissectors.model.keyring import Key, Keyring
        >>> ring = Keyring()
        >>> ring.add(Key("network", bytes(16), pan=0x1A62))
        True
        >>> Keys(ring).rows()
        [('network', 'PAN 0x1a62', 'keys.toml')]
        """
        from analysis.pipeline.keytable import scope_of

        found: list[tuple[str, str, str]] = [(key.kind, scope_of(key), key.origin) for key in self.ring.keys]
        for code in self.ring.install_codes:
            scope = "any" if code.device is None else f"{code.device:016x}"
            found.append(("install code", scope, code.origin))
        return found

    def __len__(self) -> int:
        return len(self.ring.keys) + len(self.ring.install_codes)

    def __repr__(self) -> str:
        return f"<Keys: {len(self.ring.keys)} keys, {len(self.ring.install_codes)} install codes>"

    def _repr_html_(self) -> str:
        return html.rows_table(("kind", "scope", "origin"), self.rows())


def keyring_of(given: str | os.PathLike[str] | Keyring | Keys | None) -> Keyring:
    """The keyring that is meant.

    Raises:
        KeyFileError: the file cannot be read or says something impossible.
    """
    from dissectors import Keyring

    if isinstance(given, Keys):
        return given.ring
    if isinstance(given, Keyring):
        return given
    from analysis.keys.keyfile import read_keys

    return read_keys(given)
