"""DLMS/COSEM: carriers, APDUs, security, values by name (IEC 62056; GBCS uses a part of it)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dissectors.modules.lazy_names import public_names

if TYPE_CHECKING:
    from dissectors.dlms.apdu.layouts import Apdu as Apdu
    from dissectors.dlms.apdu.layouts import build as build
    from dissectors.dlms.apdu.layouts import build_apdu as build_apdu
    from dissectors.dlms.apdu.layouts import read_apdu as read_apdu
    from dissectors.dlms.association import Association as Association
    from dissectors.dlms.conversation import Conversations as Conversations
    from dissectors.dlms.cosem.data import Data as Data
    from dissectors.dlms.cosem.data import Node as Node
    from dissectors.dlms.cosem.data import build_data as build_data
    from dissectors.dlms.cosem.data_fields import read_data as read_data
    from dissectors.dlms.cosem.obis import class_name as class_name
    from dissectors.dlms.cosem.obis import member_name as member_name
    from dissectors.dlms.decoding.message_view import DlmsMessage as DlmsMessage
    from dissectors.dlms.decoding.transports import READERS as READERS
    from dissectors.dlms.editing import item_places as item_places
    from dissectors.dlms.editing import set_value as set_value
    from dissectors.dlms.editing import settings as settings
    from dissectors.dlms.message import dissect_message as dissect_message
    from dissectors.dlms.message import dissect_vector as dissect_vector
    from dissectors.dlms.message import find_transport as find_transport
    from dissectors.dlms.message import is_whole as is_whole
    from dissectors.dlms.message import recognise as recognise
    from dissectors.dlms.message import vector_keys as vector_keys


__getattr__, __dir__, __all__ = public_names(
    __name__,
    {
        "apdu.layouts": "Apdu build build_apdu read_apdu",
        "association": "Association",
        "conversation": "Conversations",
        "cosem.data": "Data Node build_data",
        "cosem.data_fields": "read_data",
        "decoding.message_view": "DlmsMessage",
        "editing": "item_places set_value settings",
        "message": "dissect_message dissect_vector find_transport is_whole recognise vector_keys",
        "cosem.obis": "class_name member_name",
        "decoding.transports": "READERS",
    },
)
