"""Faults of the field and attacks on the air, on request: each a process that plays its part in the home.

A fault is a generator function with `@fault`; it gets a `Play` and acts through it. What it sends or disturbs
is marked with its name, so that the truth lists its frames; what it leads honest devices to do is theirs.
"""

from typing import Any

from dissectors.modules import public_names

__all__ = ["FAULTS", "Fault", "Play", "fault", "inject", "known", "plant"]

_named, __dir__, _ = public_names(
    __name__, {"registry": "FAULTS Fault Play fault", "catalogue": "inject known"}
)


def __getattr__(name: str) -> Any:
    return _named("inject" if name == "plant" else name)  # plant: its former name
