"""Payloads of GBCS: COSEM, GBZ, alerts; as fields and items, and from their values."""

from dissectors.modules.lazy_names import public_names

__getattr__, __dir__, _ = public_names(__name__, {}, former="building")
