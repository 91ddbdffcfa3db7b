"""The ZigBee Cluster Library: every general command, every data type, the clusters of the tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dissectors.modules.lazy_names import public_names

if TYPE_CHECKING:
    from dissectors.zcl import catalogue as catalogue
    from dissectors.zcl.build import build_attribute_records as build_attribute_records
    from dissectors.zcl.build import build_command as build_command
    from dissectors.zcl.build import build_payload as build_payload
    from dissectors.zcl.datatypes import build_value as build_value
    from dissectors.zcl.frame import dissect as dissect
    from dissectors.zcl.frame import dissect_payload as dissect_payload
    from dissectors.zcl.general import GENERAL as GENERAL
    from dissectors.zcl.header import Header as Header
    from dissectors.zcl.header import build_header as build_header
    from dissectors.zcl.header import read_header as read_header
    from dissectors.zcl.meanings import label_of as label_of
    from dissectors.zcl.scaling import Scales as Scales
    from dissectors.zcl.stateful.cbke import Agreement as Agreement
    from dissectors.zcl.stateful.cbke import Side as Side
    from dissectors.zcl.stateful.cbke import agree as agree
    from dissectors.zcl.stateful.cbke import exchange as exchange
    from dissectors.zcl.stateful.certificates import Certificate as Certificate
    from dissectors.zcl.stateful.certificates import issue_certificate as issue_certificate
    from dissectors.zcl.stateful.certificates import make_ca_key as make_ca_key
    from dissectors.zcl.stateful.envelopes import message_length as message_length
    from dissectors.zcl.stateful.key_establishment import CarriedCertificate as CarriedCertificate
    from dissectors.zcl.stateful.key_establishment import CarriedCertificates as CarriedCertificates
    from dissectors.zcl.stateful.ota_image import Image as Image
    from dissectors.zcl.stateful.ota_image import read_image as read_image
    from dissectors.zcl.stateful.tunnel_assembly import Tunnels as Tunnels

# The column path takes single modules from here: what it does not take is not loaded.
__getattr__, __dir__, __all__ = public_names(
    __name__,
    {
        "build": "build_attribute_records build_command build_payload",
        "datatypes": "build_value",
        "frame": "dissect dissect_payload",
        "general": "GENERAL",
        "header": "Header build_header read_header",
        "meanings": "label_of",
        "scaling": "Scales",
        "stateful.cbke": "Agreement Side agree exchange",
        "stateful.certificates": "Certificate issue_certificate make_ca_key",
        "stateful.key_establishment": "CarriedCertificate CarriedCertificates",
        "stateful.envelopes": "message_length",
        "stateful.ota_image": "Image read_image",
        "stateful.tunnel_assembly": "Tunnels",
    },
    modules="catalogue",
)
