"""Stories that a home can live through, by name, and what is left of them: a capture, its truth, its keys."""

from dissectors.modules import public_names

__all__ = ["SCENARIOS", "Scenario", "simulate", "stage"]

__getattr__, __dir__, _ = public_names(__name__, {"catalogue": " ".join(__all__)})
