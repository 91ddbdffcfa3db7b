"""What the octets say: from the 802.15.4 frame to the last COSEM value. No I/O of any kind in here.

Each room has a public face of its own; names resolve on first use. Modules that had another name or place once answer to
it still: scripts hold on to them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dissectors.modules.former_names import answer_to_former_names
from dissectors.modules.lazy_names import public_names

if TYPE_CHECKING:
    from dissectors import dlms as dlms
    from dissectors import gbcs as gbcs
    from dissectors.model.context import HanContext as HanContext
    from dissectors.model.errors import DissectionError as DissectionError
    from dissectors.model.field import Field as Field
    from dissectors.model.field import Issue as Issue
    from dissectors.model.frame import Dissection as Dissection
    from dissectors.model.frame import RawFrame as RawFrame
    from dissectors.model.keyring import Key as Key
    from dissectors.model.keyring import Keyring as Keyring
    from dissectors.model.message import Message as Message
    from dissectors.radio.dispatch import dissect_frame as dissect_frame

MOVED = {
    "dissectors.context": "dissectors.model.context",
    "dissectors.counter_columns": "dissectors.security.counter_columns",
    "dissectors.counters": "dissectors.security.counters",
    "dissectors.cursor": "dissectors.model.cursor",
    "dissectors.deferred": "dissectors.modules.lazy_names",
    "dissectors.dispatch": "dissectors.radio.dispatch",
    "dissectors.dlms.access": "dissectors.dlms.apdu.access",
    "dissectors.dlms.acse": "dissectors.dlms.apdu.acse",
    "dissectors.dlms.agreement": "dissectors.dlms.security.agreement",
    "dissectors.dlms.apdu_decoder": "dissectors.dlms.decoding.apdu_decoder",
    "dissectors.dlms.authentication": "dissectors.dlms.security.authentication",
    "dissectors.dlms.blocks": "dissectors.dlms.decoding.blocks",
    "dissectors.dlms.bulk": "dissectors.dlms.items.bulk",
    "dissectors.dlms.canonical": "dissectors.dlms.apdu.canonical",
    "dissectors.dlms.ciphering": "dissectors.dlms.security.ciphering",
    "dissectors.dlms.codes": "dissectors.dlms.cosem.codes",
    "dissectors.dlms.compact": "dissectors.dlms.cosem.compact",
    "dissectors.dlms.data": "dissectors.dlms.cosem.data",
    "dissectors.dlms.data_fields": "dissectors.dlms.cosem.data_fields",
    "dissectors.dlms.datetimes": "dissectors.dlms.cosem.datetimes",
    "dissectors.dlms.extents": "dissectors.dlms.carriers.extents",
    "dissectors.dlms.general": "dissectors.dlms.apdu.general",
    "dissectors.dlms.hdlc": "dissectors.dlms.carriers.hdlc",
    "dissectors.dlms.hls": "dissectors.dlms.security.hls",
    "dissectors.dlms.initiate": "dissectors.dlms.apdu.initiate",
    "dissectors.dlms.mbus": "dissectors.dlms.carriers.mbus",
    "dissectors.dlms.message_view": "dissectors.dlms.decoding.message_view",
    "dissectors.dlms.notification": "dissectors.dlms.apdu.notification",
    "dissectors.dlms.obis": "dissectors.dlms.cosem.obis",
    "dissectors.dlms.p1": "dissectors.dlms.carriers.p1",
    "dissectors.dlms.packets": "dissectors.dlms.carriers.packets",
    "dissectors.dlms.plaintext": "dissectors.dlms.decoding.plaintext",
    "dissectors.dlms.profile_gbcs": "dissectors.dlms.items.profile_gbcs",
    "dissectors.dlms.profiles": "dissectors.dlms.cosem.profiles",
    "dissectors.dlms.pushes": "dissectors.dlms.items.pushes",
    "dissectors.dlms.reassembly": "dissectors.dlms.carriers.reassembly",
    "dissectors.dlms.references": "dissectors.dlms.apdu.references",
    "dissectors.dlms.rows": "dissectors.dlms.items.rows",
    "dissectors.dlms.scalars": "dissectors.dlms.cosem.scalars",
    "dissectors.dlms.secrets": "dissectors.dlms.decoding.secrets",
    "dissectors.dlms.services_ln": "dissectors.dlms.apdu.services_ln",
    "dissectors.dlms.services_sn": "dissectors.dlms.apdu.services_sn",
    "dissectors.dlms.transports": "dissectors.dlms.decoding.transports",
    "dissectors.dlms.tree": "dissectors.dlms.decoding.tree",
    "dissectors.dlms.unwrapping": "dissectors.dlms.decoding.apdu_decoder",
    "dissectors.dlms.values": "dissectors.dlms.items.values",
    "dissectors.dlms.wrapper": "dissectors.dlms.carriers.wrapper",
    "dissectors.errors": "dissectors.model.errors",
    "dissectors.evidence": "dissectors.ieee802154.payload_protocol",
    "dissectors.facts": "dissectors.layout.tables",
    "dissectors.field": "dissectors.model.field",
    "dissectors.former_names": "dissectors.modules.former_names",
    "dissectors.frame": "dissectors.model.frame",
    "dissectors.gbcs.alerts": "dissectors.gbcs.payloads.alerts",
    "dissectors.gbcs.build": "dissectors.gbcs.building.build",
    "dissectors.gbcs.certificates": "dissectors.gbcs.trust.certificates",
    "dissectors.gbcs.chains": "dissectors.gbcs.trust.chains",
    "dissectors.gbcs.cosem": "dissectors.gbcs.payloads.cosem",
    "dissectors.gbcs.der": "dissectors.gbcs.asn1.der",
    "dissectors.gbcs.der_octets": "dissectors.gbcs.asn1.der_octets",
    "dissectors.gbcs.editing": "dissectors.gbcs.building.editing",
    "dissectors.gbcs.encoding": "dissectors.gbcs.asn1.encoding",
    "dissectors.gbcs.entitlement": "dissectors.gbcs.trust.entitlement",
    "dissectors.gbcs.gbz": "dissectors.gbcs.payloads.gbz",
    "dissectors.gbcs.gbz_description": "dissectors.gbcs.payloads.gbz_description",
    "dissectors.gbcs.key_forms": "dissectors.gbcs.trust.key_forms",
    "dissectors.gbcs.keystore": "dissectors.gbcs.trust.keystore",
    "dissectors.gbcs.names": "dissectors.gbcs.catalogue.names",
    "dissectors.gbcs.objects": "dissectors.gbcs.catalogue.objects",
    "dissectors.gbcs.payload": "dissectors.gbcs.payloads.payload",
    "dissectors.gbcs.protected": "dissectors.gbcs.payloads.protected",
    "dissectors.gbcs.protection": "dissectors.gbcs.trust.protection",
    "dissectors.gbcs.rebuilding": "dissectors.gbcs.building.rebuilding",
    "dissectors.gbcs.replacements": "dissectors.gbcs.trust.replacements",
    "dissectors.gbcs.revocation": "dissectors.gbcs.trust.revocation",
    "dissectors.gbcs.structures": "dissectors.gbcs.asn1.structures",
    "dissectors.gbcs.templates": "dissectors.gbcs.building.templates",
    "dissectors.gbcs.values": "dissectors.gbcs.payloads.values",
    "dissectors.gbcs.verification": "dissectors.gbcs.trust.verification",
    "dissectors.gbcs.x509": "dissectors.gbcs.asn1.x509",
    "dissectors.ieee802154.columns": "dissectors.ieee802154.header_columns",
    "dissectors.ieee802154.dissect": "dissectors.ieee802154.read",
    "dissectors.ieee802154.ies": "dissectors.ieee802154.information_elements",
    "dissectors.ieee802154.layers": "dissectors.ieee802154.headers",
    "dissectors.kernels": "dissectors.vectors.kernels",
    "dissectors.key_proofs": "dissectors.security.key_proofs",
    "dissectors.keyring": "dissectors.model.keyring",
    "dissectors.lookalikes": "dissectors.radio.other_protocols",
    "dissectors.message": "dissectors.model.message",
    "dissectors.other_protocols": "dissectors.radio.other_protocols",
    "dissectors.pasted": "dissectors.text.pasted",
    "dissectors.printable": "dissectors.text.display",
    "dissectors.protocol_detection": "dissectors.ieee802154.payload_protocol",
    "dissectors.reading": "dissectors.layout.reading",
    "dissectors.zcl.attribute_columns": "dissectors.zcl.columns.attributes",
    "dissectors.zcl.cbke": "dissectors.zcl.stateful.cbke",
    "dissectors.zcl.certificates": "dissectors.zcl.stateful.certificates",
    "dissectors.zcl.command_columns": "dissectors.zcl.columns.commands",
    "dissectors.zcl.envelopes": "dissectors.zcl.stateful.envelopes",
    "dissectors.zcl.key_establishment": "dissectors.zcl.stateful.key_establishment",
    "dissectors.zcl.ota": "dissectors.zcl.stateful.ota",
    "dissectors.zcl.ota_image": "dissectors.zcl.stateful.ota_image",
    "dissectors.zcl.scale_columns": "dissectors.zcl.columns.scales",
    "dissectors.zcl.stateful_clusters": "dissectors.zcl.stateful.clusters",
    "dissectors.zcl.transfers": "dissectors.zcl.stateful.transfers",
    "dissectors.zcl.tunnel": "dissectors.zcl.stateful.tunnel",
    "dissectors.zcl.tunnel_assembly": "dissectors.zcl.stateful.tunnel_assembly",
    "dissectors.zcl.value_columns": "dissectors.zcl.columns.values",
    "dissectors.zigbee.address_columns": "dissectors.zigbee.nwk.address_columns",
    "dissectors.zigbee.application": "dissectors.zigbee.aps.read",
    "dissectors.zigbee.aps_columns": "dissectors.zigbee.aps.header_columns",
    "dissectors.zigbee.aps_commands": "dissectors.zigbee.aps.commands",
    "dissectors.zigbee.aps_facts": "dissectors.zigbee.aps.facts",
    "dissectors.zigbee.aps_security": "dissectors.zigbee.aps.payload_columns",
    "dissectors.zigbee.fragments": "dissectors.zigbee.aps.fragments",
    "dissectors.zigbee.frames": "dissectors.zigbee.columns.frames",
    "dissectors.zigbee.green_power_frames": "dissectors.zigbee.green_power.read",
    "dissectors.zigbee.key_columns": "dissectors.zigbee.security.opening_columns",
    "dissectors.zigbee.keys": "dissectors.zigbee.security.candidates",
    "dissectors.zigbee.learn": "dissectors.zigbee.learning",
    "dissectors.zigbee.link_keys": "dissectors.zigbee.security.link_keys",
    "dissectors.zigbee.network": "dissectors.zigbee.nwk.read",
    "dissectors.zigbee.nwk_columns": "dissectors.zigbee.nwk.header_columns",
    "dissectors.zigbee.nwk_command_columns": "dissectors.zigbee.nwk.command_columns",
    "dissectors.zigbee.nwk_commands": "dissectors.zigbee.nwk.commands",
    "dissectors.zigbee.outer": "dissectors.zigbee.columns.stateless_layers",
    "dissectors.zigbee.payloads": "dissectors.zigbee.aps.open_payloads",
    "dissectors.zigbee.proofs": "dissectors.zigbee.security.candidates",
    "dissectors.zigbee.seal": "dissectors.zigbee.security.sealing",
    "dissectors.zigbee.security_columns": "dissectors.zigbee.security.verdict_columns",
    "dissectors.zigbee.stateless_layers": "dissectors.zigbee.columns.stateless_layers",
    "dissectors.zigbee.zcl_columns": "dissectors.zigbee.columns.zcl_frames",
    "dissectors.zigbee.zdp_records": "dissectors.zigbee.zdp.records",
}
"""Former names of modules, and where they are now."""

answer_to_former_names(MOVED)
# The ciphers take a while to load: only when the first frame is dissected.
__getattr__, __dir__, __all__ = public_names(
    __name__,
    {
        "model.context": "HanContext",
        "model.errors": "DissectionError",
        "model.field": "Field Issue",
        "model.frame": "Dissection RawFrame",
        "model.keyring": "Key Keyring",
        "model.message": "Message",
        "radio.dispatch": "dissect_frame",
    },
    modules="dlms gbcs",
)
