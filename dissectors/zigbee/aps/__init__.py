"""The ZigBee application support layer: headers, commands, fragments; of one frame and of many."""

from dissectors.modules.deferred import deferred

__getattr__ = deferred(__name__, {}, former="headers")
