"""The ZigBee network layer: headers, commands, addresses; of one frame and of many."""

from dissectors.modules.deferred import deferred

__getattr__ = deferred(__name__, {}, former="headers")
