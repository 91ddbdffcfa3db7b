"""IEEE 802.15.4: the MAC frame, its commands, information elements and security."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dissectors.modules.lazy_names import public_names

if TYPE_CHECKING:
    from dissectors.ieee802154 import fcs as fcs
    from dissectors.ieee802154.commands import COMMAND_NAMES as COMMAND_NAMES
    from dissectors.ieee802154.commands import COMMANDS as COMMANDS
    from dissectors.ieee802154.fcs import ends_in_fcs as ends_in_fcs
    from dissectors.ieee802154.fcs import fcs32 as fcs32
    from dissectors.ieee802154.headers import MacHeader as MacHeader


__getattr__, __dir__, __all__ = public_names(
    __name__,
    {
        "commands": "COMMANDS COMMAND_NAMES",
        "fcs": "ends_in_fcs fcs32",
        "headers": "MacHeader",
    },
    modules="fcs",
)
