"""Green Power frames."""

from dissectors.modules.deferred import deferred

__getattr__ = deferred(__name__, {}, former="headers")
