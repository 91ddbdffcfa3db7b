"""Security of DLMS: protected APDUs opened, keys agreed, associations authenticated."""

from dissectors.modules.lazy_names import public_names

__getattr__, __dir__, _ = public_names(__name__, {}, former="opening")
