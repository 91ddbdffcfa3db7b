"""ZCL frames of many at once: headers, attribute records, values, scaling, commands."""

from dissectors.modules.deferred import deferred

__getattr__ = deferred(__name__, {}, former="headers")
