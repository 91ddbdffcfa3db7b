"""Many captures of many homes: decoded on one machine or a cluster into a store, and compared.

Its names resolve on first use, so that nobody loads what nobody asks for.
"""

from dissectors.modules import public_names

__getattr__, __dir__, __all__ = public_names(
    __name__,
    {
        "cases": "Case",
        "compaction": "compact prune",
        "decoding": "FleetRun decode_fleet",
        "locations": "FleetError",
        "norms": "FleetNorms HomeAgainstFleet against_fleet",
        "opened": "Fleet open_fleet",
        "report": "render_fleet",
        "simulating": "simulate_fleet",
        "store": "Store",
    },
)
