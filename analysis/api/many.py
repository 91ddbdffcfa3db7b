"""Many homes at once."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from analysis.fleet.opened import Fleet

__all__ = ["fleet"]


def fleet(store: str | os.PathLike[str]) -> Fleet:
    """The store that ``hanscope fleet decode`` made, by its path or URL: tables of all homes, cases, SQL, a report.

    Raises:
        FleetError: a package is missing, or the place cannot be reached; (later) there is no store.

    >>> import tempfile
    >>> from analysis.fleet import decode_fleet
    >>> store = tempfile.mkdtemp()
    >>> keys = "captures/samples/{site}.keys.toml"
    >>> _ = decode_fleet(["captures/samples/gbcs-messages.pcapng"], store, scheduler="none", keys_from=keys)
    >>> homes = fleet(store)
    >>> len(homes), sorted(set(homes.messages.mac.dropna()))
    (1, ['absent', 'valid'])
    >>> int(homes.sql("SELECT count(*) AS frames FROM packets").frames[0]), len(homes.packets)
    (295, 295)
    """
    from analysis.fleet.opened import open_fleet

    return open_fleet(store)
