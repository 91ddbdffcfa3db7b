"""The ZigBee device profile."""

from dissectors.modules.deferred import deferred

__getattr__ = deferred(__name__, {}, former="read")
