"""APDUs: one layout each, by tag; read, built, and held against their canonical octets."""

from dissectors.modules.lazy_names import public_names

__getattr__, __dir__, _ = public_names(__name__, {}, former="layouts")
