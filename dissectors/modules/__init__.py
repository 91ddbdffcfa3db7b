"""How modules and public names are found: names that resolve on first use, modules by their former names."""

from dissectors.modules.former_names import answer_to_former_names
from dissectors.modules.lazy_names import lazy, public_names

__all__ = ["answer_to_former_names", "lazy", "public_names"]
