"""simpy, which makes the simulated home's events happen in their order; the extra `demo` brings it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dissectors.modules import needed

if TYPE_CHECKING:
    import simpy
else:
    simpy = needed("simpy", extra="demo", use="the simulated home")

__all__ = ["simpy"]
