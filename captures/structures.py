"""Former home of all structures: they are beside what reads them now."""

from dissectors.modules import public_names

_HOMES = {
    "files.structures": "INTERFACE NAME PCAP_FILE_HEADER SECRETS SECTION_HEADER ZIGBEE_APS_SECRET ZIGBEE_NETWORK_SECRET",
    "encapsulations.internet": "EXTENSION IPV4 IPV6 NULL UDP",
    "encapsulations.link_layers": "ETHERNET SLL SLL2 VLAN",
    "encapsulations.nordic": "NORDIC",
    "encapsulations.ppi": "PPI",
    "encapsulations.radio": "PHY",
    "encapsulations.tap": "TAP_ENTRY TAP_HEADER TAP_VALUES TapValue tap_header",
    "encapsulations.ti_radio": "TI_RADIO",
    "encapsulations.zboss": "ZBOSS",
    "encapsulations.zep": "ZEP1 ZEP2 ZEP_ACK",
}
__getattr__, __dir__, _ = public_names(__name__, {f"..{home}": names for home, names in _HOMES.items()})
