"""How modules and public names are found: on first use, by former names, of extras, of plug-ins."""

from dissectors.modules.entry_points import GROUPS, PlugIn, PlugInError, loaded, plug_ins
from dissectors.modules.extras import MissingExtra, needed
from dissectors.modules.former_names import answer_to_former_names
from dissectors.modules.lazy_names import lazy, public_names

__all__ = [
    "GROUPS",
    "MissingExtra",
    "PlugIn",
    "PlugInError",
    "answer_to_former_names",
    "lazy",
    "loaded",
    "needed",
    "plug_ins",
    "public_names",
]
