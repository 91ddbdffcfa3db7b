"""The ZigBee application support layer: headers, commands, fragments; of one frame and of many."""

from dissectors.modules.lazy_names import public_names

__getattr__, __dir__, _ = public_names(__name__, {}, former="headers")
