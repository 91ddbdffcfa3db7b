"""ZigBee: NWK, APS, ZDP, inter-PAN, Green Power headers, and their security."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dissectors.modules.lazy_names import public_names

if TYPE_CHECKING:
    from dissectors.zigbee import assemble as assemble
    from dissectors.zigbee.aps.commands import APS_COMMAND_NAMES as APS_COMMAND_NAMES
    from dissectors.zigbee.aps.commands import APS_COMMANDS as APS_COMMANDS
    from dissectors.zigbee.aps.commands import KEY_TYPES as KEY_TYPES
    from dissectors.zigbee.aps.fragments import FRAGMENT as FRAGMENT
    from dissectors.zigbee.aps.fragments import Fragments as Fragments
    from dissectors.zigbee.aps.headers import ApsHeader as ApsHeader
    from dissectors.zigbee.columns.frames import Frames as Frames
    from dissectors.zigbee.columns.frames import SummaryWords as SummaryWords
    from dissectors.zigbee.columns.read import read_frames as read_frames
    from dissectors.zigbee.columns.stateless_layers import StatelessLayers as StatelessLayers
    from dissectors.zigbee.columns.stateless_layers import read_stateless_layers as read_stateless_layers
    from dissectors.zigbee.nwk.commands import NWK_COMMAND_NAMES as NWK_COMMAND_NAMES
    from dissectors.zigbee.nwk.commands import NWK_COMMANDS as NWK_COMMANDS
    from dissectors.zigbee.nwk.headers import AuxHeader as AuxHeader
    from dissectors.zigbee.nwk.headers import NwkHeader as NwkHeader
    from dissectors.zigbee.security.candidates import DERIVED as DERIVED
    from dissectors.zigbee.security.candidates import WELL_KNOWN as WELL_KNOWN
    from dissectors.zigbee.security.candidates import install_code_keys as install_code_keys
    from dissectors.zigbee.security.link_keys import WELL_KNOWN_LINK_KEY as WELL_KNOWN_LINK_KEY
    from dissectors.zigbee.security.link_keys import install_code_crc as install_code_crc
    from dissectors.zigbee.security.link_keys import install_code_key as install_code_key
    from dissectors.zigbee.security.link_keys import install_code_trouble as install_code_trouble
    from dissectors.zigbee.security.link_keys import key_load_key as key_load_key
    from dissectors.zigbee.security.link_keys import key_transport_key as key_transport_key
    from dissectors.zigbee.security.opening import levels_of as levels_of
    from dissectors.zigbee.zdp.read import zdp_layer as zdp_layer
    from dissectors.zigbee.zdp.read import zdp_names as zdp_names


__getattr__, __dir__, __all__ = public_names(
    __name__,
    {
        "aps.commands": "APS_COMMANDS APS_COMMAND_NAMES KEY_TYPES",
        "aps.fragments": "FRAGMENT Fragments",
        "aps.headers": "ApsHeader",
        "columns.frames": "Frames SummaryWords",
        "columns.read": "read_frames",
        "columns.stateless_layers": "StatelessLayers read_stateless_layers",
        "nwk.commands": "NWK_COMMANDS NWK_COMMAND_NAMES",
        "nwk.headers": "AuxHeader NwkHeader",
        "security.candidates": "DERIVED WELL_KNOWN install_code_keys",
        "security.link_keys": "WELL_KNOWN_LINK_KEY install_code_crc install_code_key install_code_trouble key_load_key "
        "key_transport_key",
        "security.opening": "levels_of",
        "zdp.read": "zdp_layer zdp_names",
    },
    modules="assemble",
)
