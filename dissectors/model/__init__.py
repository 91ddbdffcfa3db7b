"""What a dissection is made of: octets read with a cursor, fields, issues, errors, frames, messages, keys, context."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dissectors.modules.lazy_names import public_names

if TYPE_CHECKING:
    from dissectors.model.context import AddressMap as AddressMap
    from dissectors.model.context import HanContext as HanContext
    from dissectors.model.cursor import Cursor as Cursor
    from dissectors.model.errors import AuthenticationFailed as AuthenticationFailed
    from dissectors.model.errors import DissectionError as DissectionError
    from dissectors.model.errors import KeyMissing as KeyMissing
    from dissectors.model.errors import Malformed as Malformed
    from dissectors.model.errors import Truncated as Truncated
    from dissectors.model.errors import Unsupported as Unsupported
    from dissectors.model.field import Field as Field
    from dissectors.model.field import Issue as Issue
    from dissectors.model.field import Severity as Severity
    from dissectors.model.field import fields_text as fields_text
    from dissectors.model.frame import Carried as Carried
    from dissectors.model.frame import Dissection as Dissection
    from dissectors.model.frame import Envelope as Envelope
    from dissectors.model.frame import Followed as Followed
    from dissectors.model.frame import Piece as Piece
    from dissectors.model.frame import RawFrame as RawFrame
    from dissectors.model.frame import Trailer as Trailer
    from dissectors.model.json_form import json_value as json_value
    from dissectors.model.keyring import CbkeScalars as CbkeScalars
    from dissectors.model.keyring import DeviceName as DeviceName
    from dissectors.model.keyring import DlmsKeys as DlmsKeys
    from dissectors.model.keyring import InstallCode as InstallCode
    from dissectors.model.keyring import Key as Key
    from dissectors.model.keyring import KeyKind as KeyKind
    from dissectors.model.keyring import Keyring as Keyring
    from dissectors.model.message import Message as Message
    from dissectors.model.message import joined_json as joined_json
    from dissectors.model.origins import Origin as Origin
    from dissectors.model.origins import Part as Part
    from dissectors.model.origins import frames_of as frames_of
    from dissectors.model.origins import origins_within as origins_within
    from dissectors.model.secrets import REVEALABLE as REVEALABLE
    from dissectors.model.secrets import hidden_value as hidden_value


__getattr__, __dir__, __all__ = public_names(
    __name__,
    {
        "context": "AddressMap HanContext",
        "cursor": "Cursor",
        "errors": "AuthenticationFailed DissectionError KeyMissing Malformed Truncated Unsupported",
        "field": "Field Issue Severity fields_text",
        "frame": "Carried Dissection Envelope Followed Piece RawFrame Trailer",
        "json_form": "json_value",
        "keyring": "CbkeScalars DeviceName DlmsKeys InstallCode Key KeyKind Keyring",
        "message": "Message joined_json",
        "origins": "Origin Part frames_of origins_within",
        "secrets": "REVEALABLE hidden_value",
    },
)
