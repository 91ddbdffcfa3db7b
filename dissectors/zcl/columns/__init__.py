"""ZCL frames of many at once: headers, attribute records, values, scaling, commands."""

from dissectors.modules.lazy_names import public_names

__getattr__, __dir__, _ = public_names(__name__, {}, former="headers")
