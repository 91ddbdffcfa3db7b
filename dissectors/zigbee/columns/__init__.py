"""Many radio frames at once, from the octets of a block to the columns of its tables."""

from dissectors.modules.deferred import deferred

__getattr__ = deferred(__name__, {}, former="read")
