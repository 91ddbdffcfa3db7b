"""Many radio frames at once, from the octets of a block to the columns of its tables."""

from dissectors.modules.lazy_names import public_names

__getattr__, __dir__, _ = public_names(__name__, {}, former="read")
