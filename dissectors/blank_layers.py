"""Blank layers, for reading into: what Scapy's constructor makes, at a fifth of its cost.

Strategy: one layer of each class is made by its constructor; what is in its slots is then given to every
further one. All of a class share what never changes; what a layer changes when it reads is its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["blank"]

Setters = list[tuple[Callable[[Any, Any], None], Any]]
TEMPLATES: dict[type[Any], tuple[Setters, Setters]] = {}
"""By class: the slots and what is in them, first what all share, then what each has of its own."""
OWN = frozenset({"fields", "overloaded_fields", "post_transforms", "spans"})


def blank(kind: type[Any]) -> Any:
    """A layer as ``kind()`` makes it."""
    if kind not in TEMPLATES:
        TEMPLATES[kind] = _template(kind())
    shared, own = TEMPLATES[kind]
    layer: Any = object.__new__(kind)
    for put, value in shared:
        put(layer, value)
    for put, value in own:
        put(layer, value.copy())
    fields = layer.fields
    for name, value in fields.items():  # lists that the constructor had copied from the defaults
        fields[name] = value.copy()
    return layer


def _template(layer: Any) -> tuple[Setters, Setters]:
    shared: Setters = []
    own: Setters = []
    for kind in type(layer).__mro__:
        for name in kind.__dict__.get("__slots__", ()):
            slot = kind.__dict__.get(name)
            if slot is not None and hasattr(slot, "__set__") and hasattr(layer, name):
                (own if name in OWN else shared).append((slot.__set__, getattr(layer, name)))
    return shared, own
