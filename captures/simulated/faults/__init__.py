"""Faults of the field and attacks on the air, on request: each a process that plays its part in the home.

A fault is a generator function with `@fault`; it gets a `Play` and acts through it. What it sends or disturbs
is marked with its name, so that the truth lists its frames; what it leads honest devices to do is theirs.
"""

from captures.simulated.faults.registry import FAULTS, Fault, Play, fault, known, plant

__all__ = ["FAULTS", "Fault", "Play", "fault", "known", "plant"]
