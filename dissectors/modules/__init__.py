"""How modules and public names are found: on first use, by former names; and packages that extras bring."""

from dissectors.modules.extras import MissingExtra, needed
from dissectors.modules.former_names import answer_to_former_names
from dissectors.modules.lazy_names import lazy, public_names

__all__ = ["MissingExtra", "answer_to_former_names", "lazy", "needed", "public_names"]
