"""Stories that a home can live through, by name, and what is left of them: a capture, its truth, its keys."""

from dissectors.modules.deferred import deferred

__all__ = ["SCENARIOS", "Scenario", "simulate", "stage"]

__getattr__ = deferred(__name__, dict.fromkeys(__all__, "catalogue"))
