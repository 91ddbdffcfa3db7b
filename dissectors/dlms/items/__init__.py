"""Named values: which object each belongs to, what it means there, rows of the `items` table."""

from dissectors.modules.lazy_names import public_names

__getattr__, __dir__, _ = public_names(__name__, {}, former="pairs")
