"""Values that are keys or passwords: how they are marked, and what stands in their place where nobody asked to see them.

Strategy: who makes a field knows whether it holds a secret, and marks it (`Field.secret`): by its declaration
(`dissectors.layout.parts.Secret`), by its name in a GBCS message (`mark_secrets`), by its COSEM class and member
(`dissectors.dlms.decoding.secrets`). Who shows a field looks at the mark and at nothing else; of rows of the `items`
table `hidden_value` says what is shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from dissectors.model.field import Field, leaves_of

__all__ = ["REVEALABLE", "hidden", "hidden_value", "hide", "is_secret", "mark_secrets"]

_NAMES = re.compile(
    r"(^|[ .:]|(?<!public)_)(key|symmetric_key|link_key|dedicated_key|installationcredentials|securitydetails"
    r"|hashed_(tc_)?link_key)$",
    re.IGNORECASE,
)
NOTHING = (None, b"", "")


def hidden(what: str) -> str:
    """What stands in the place of a value.

    >>> hidden("a key")
    '(hidden: a key)'
    """
    return f"(hidden: {what})"


REVEALABLE = hidden("--reveal shows it")


@lru_cache(4096)
def is_secret(name: str) -> bool:
    """Does a field or item of this name hold a key (link keys of devices, symmetric keys)?

    >>> is_secret("DeviceLog(CHF): register_device: key"), is_secret("register_device: key_type")
    (True, False)
    >>> is_secret("certificate.public_key")
    False
    """
    return _NAMES.search(name) is not None


def mark_secrets(fields: Iterable[Field]) -> list[Field]:
    """Mark the leaves of `fields` whose names say that they hold keys; returns all leaves."""
    leaves = leaves_of(fields)
    for one in leaves:
        if is_secret(one.name) and one.value not in NOTHING:
            one.meaning, one.secret = "key", True
    return leaves


def hide(field: Field, words: str) -> None:
    """Put `words` in the place of what the leaves of `field` say."""
    for leaf in field.leaves():
        leaf.value, leaf.meaning, leaf.secret = None, words, True


def hidden_value(item: Mapping[str, Any], what: str = "--reveal shows it") -> Any:
    """The value of a row of the `items` table, or what stands in its place because it is a key.

    Args:
        what: said of a value that is not shown.
    """
    value = item.get("value")
    return hidden(what) if value not in NOTHING and is_secret(str(item.get("object"))) else value
