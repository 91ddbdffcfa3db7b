"""GBCS: the messages between a smart meter and those who may talk to it.

From Great Britain Companion Specification 0.8 to 4.x: read, verified, decrypted, named, matched, and built.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dissectors.modules.lazy_names import public_names

if TYPE_CHECKING:
    from dissectors.gbcs import utrn as utrn
    from dissectors.gbcs.asn1 import structures as structures
    from dissectors.gbcs.asn1.der import Shape as Shape
    from dissectors.gbcs.asn1.der import build_der as build_der
    from dissectors.gbcs.asn1.der import oid as oid
    from dissectors.gbcs.asn1.structures import JOIN_METHODS as JOIN_METHODS
    from dissectors.gbcs.asn1.structures import structure as structure
    from dissectors.gbcs.building import build as build
    from dissectors.gbcs.building.editing import Setting as Setting
    from dissectors.gbcs.building.editing import set_value as set_value
    from dissectors.gbcs.building.editing import settings as settings
    from dissectors.gbcs.building.rebuilding import header_of as header_of
    from dissectors.gbcs.building.templates import command_payload as command_payload
    from dissectors.gbcs.building.templates import default_value as default_value
    from dissectors.gbcs.building.templates import gbz_command as gbz_command
    from dissectors.gbcs.building.templates import gbz_templates as gbz_templates
    from dissectors.gbcs.building.templates import has_template as has_template
    from dissectors.gbcs.building.templates import protection_parameters as protection_parameters
    from dissectors.gbcs.building.templates import response_payload as response_payload
    from dissectors.gbcs.catalogue.names import AlertCode as AlertCode
    from dissectors.gbcs.catalogue.names import UseCase as UseCase
    from dissectors.gbcs.catalogue.names import alert_code as alert_code
    from dissectors.gbcs.catalogue.names import alert_codes as alert_codes
    from dissectors.gbcs.catalogue.names import alert_name as alert_name
    from dissectors.gbcs.catalogue.names import mac_demanded as mac_demanded
    from dissectors.gbcs.catalogue.names import originator_roles as originator_roles
    from dissectors.gbcs.catalogue.names import role_title as role_title
    from dissectors.gbcs.catalogue.names import signature_demanded as signature_demanded
    from dissectors.gbcs.catalogue.names import use_case_by_name as use_case_by_name
    from dissectors.gbcs.catalogue.names import use_cases as use_cases
    from dissectors.gbcs.catalogue.objects import object_title as object_title
    from dissectors.gbcs.catalogue.objects import objects_of as objects_of
    from dissectors.gbcs.catalogue.objects import protected_of as protected_of
    from dissectors.gbcs.detection import identify as identify
    from dissectors.gbcs.dissection import as_answer as as_answer
    from dissectors.gbcs.dissection import dissect_message as dissect_message
    from dissectors.gbcs.dissection import routing_facts as routing_facts
    from dissectors.gbcs.duis import response_name as response_name
    from dissectors.gbcs.duis import service_name as service_name
    from dissectors.gbcs.envelope import read_envelope as read_envelope
    from dissectors.gbcs.gbt import Block as Block
    from dissectors.gbcs.gbt import Stream as Stream
    from dissectors.gbcs.gbt import build_blocks as build_blocks
    from dissectors.gbcs.gbt import read_block as read_block
    from dissectors.gbcs.gbt import reassemble as reassemble
    from dissectors.gbcs.inputs import Input as Input
    from dissectors.gbcs.inputs import read_inputs as read_inputs
    from dissectors.gbcs.message import GbcsMessage as GbcsMessage
    from dissectors.gbcs.payloads.building import ZclCommand as ZclCommand
    from dissectors.gbcs.payloads.building import gbz_alert as gbz_alert
    from dissectors.gbcs.payloads.building import gbz_payload as gbz_payload
    from dissectors.gbcs.payloads.building import notification as notification
    from dissectors.gbcs.payloads.payload import SECURITY_HEADER as SECURITY_HEADER
    from dissectors.gbcs.profiles import has_use_case as has_use_case
    from dissectors.gbcs.sealing import MessageHeader as MessageHeader
    from dissectors.gbcs.sealing import content_key as content_key
    from dissectors.gbcs.trust.certificates import certificates_in as certificates_in
    from dissectors.gbcs.trust.chains import find_paths as find_paths
    from dissectors.gbcs.trust.chains import x509_facts as x509_facts
    from dissectors.gbcs.trust.keystore import Keystore as Keystore
    from dissectors.gbcs.trust.protection import encrypt as encrypt
    from dissectors.gbcs.trust.signers import judge_certificate as judge_certificate
    from dissectors.gbcs.trust.verification import signature_twins as signature_twins
    from dissectors.gbcs.tunnel import build_tunnel_header as build_tunnel_header
    from dissectors.gbcs.tunnel import read_tunnel_header as read_tunnel_header
    from dissectors.model.secrets import is_secret as is_secret

# A keystore is read with every capture, messages only where there are some.
__getattr__, __dir__, __all__ = public_names(
    __name__,
    {
        "sealing": "MessageHeader content_key",
        "trust.certificates": "certificates_in",
        "trust.chains": "find_paths x509_facts",
        "asn1.der": "Shape build_der oid",
        "detection": "identify",
        "dissection": "as_answer dissect_message routing_facts",
        "duis": "response_name service_name",
        "building.editing": "Setting set_value settings",
        "envelope": "read_envelope",
        "gbt": "Block Stream build_blocks read_block reassemble",
        "inputs": "Input read_inputs",
        "trust.keystore": "Keystore",
        "message": "GbcsMessage",
        "catalogue.names": "AlertCode UseCase alert_code alert_codes alert_name mac_demanded originator_roles role_title "
        "signature_demanded use_case_by_name use_cases",
        "catalogue.objects": "object_title objects_of protected_of",
        "payloads.payload": "SECURITY_HEADER",
        "payloads.building": "ZclCommand gbz_alert gbz_payload notification",
        "profiles": "has_use_case",
        "trust.protection": "encrypt",
        "building.rebuilding": "header_of",
        "asn1.structures": "JOIN_METHODS structure",
        "building.templates": "command_payload default_value gbz_command gbz_templates has_template "
        "protection_parameters response_payload",
        "trust.signers": "judge_certificate",
        "tunnel": "build_tunnel_header read_tunnel_header",
        "..model.secrets": "is_secret",
        "trust.verification": "signature_twins",
    },
    modules="building.build asn1.structures utrn",
)
