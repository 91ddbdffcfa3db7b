"""Messages built: from their fields, from templates, with a value changed, and again as they were."""

from dissectors.modules.lazy_names import public_names

__getattr__, __dir__, _ = public_names(__name__, {}, former="..sealing")
