"""The keys of a simulated home, as a reader would have them from its key file."""

from __future__ import annotations

import sys
from typing import Any

from analysis.keys.keyfile import read_keys_text
from dissectors import Keyring

__all__ = ["keys_of_home"]


def keys_of_home(source: Any) -> Keyring | None:
    """All keys of the home that `source` is; None when it is none."""
    module = sys.modules.get(
        "captures.simulated.devices.han"
    )  # else there is no home, and simpy need not be loaded
    if module is None or not isinstance(source, module.Han):
        return None
    from captures.simulated.scenarios.keyfile import keys_text

    return read_keys_text(keys_text(source))
