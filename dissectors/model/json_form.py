"""Values as JSON has them, and the text of them in one step."""

from __future__ import annotations

from functools import lru_cache
from json.encoder import JSONEncoder
from json.encoder import encode_basestring as _quoted
from typing import Any

__all__ = ["PLAIN", "json_value", "value_text"]

PLAIN = frozenset((str, int, bool, type(None)))
"""Types whose values JSON holds as they are."""
_ENCODE = JSONEncoder(ensure_ascii=False).encode


def json_value(value: Any) -> Any:
    """`value` in a form that JSON can hold: octets as hex, everything unknown as text."""
    kind = type(value)
    if kind in PLAIN:
        return value
    if kind is bytes:
        return value.hex()
    if isinstance(value, dict):
        return {str(k): v if type(v) in PLAIN else json_value(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [v if type(v) in PLAIN else json_value(v) for v in value]
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).hex()
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return str(value)
    if isinstance(value, int | float | str):
        return value
    return str(value)


def value_text(value: Any) -> str:
    """The JSON text of `json_value(value)`, made without it.

    Rows of a table have the same keys, and the text around their values is made once.

    >>> value_text([{"object": "clock", "value": b"\\x07\\xe9", "unit": None}])
    '[{"object": "clock", "value": "07e9", "unit": null}]'
    """
    kind = type(value)
    if kind is str:
        return _quoted(value)
    if kind is int:
        return str(value)
    if value is None:
        return "null"
    if kind is bytes:
        return f'"{value.hex()}"'
    if isinstance(value, dict):
        around = _around(tuple(value))
        if around:
            return around % tuple(["null" if one is None else value_text(one) for one in value.values()])
    elif kind is list or kind is tuple:
        return f"[{', '.join([value_text(one) for one in value])}]"
    return _ENCODE(json_value(value))


@lru_cache(4096)
def _around(keys: tuple[Any, ...]) -> str:
    """What stands around the values of an object with these keys; empty where some are no text."""
    if not all(type(key) is str for key in keys):
        return ""
    return "{%s}" % ", ".join([_quoted(key).replace("%", "%%") + ": %s" for key in keys])  # noqa: UP031
