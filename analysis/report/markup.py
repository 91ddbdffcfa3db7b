"""Text that is markup already: `Markup`, of the package that jinja2 brings; the extra `demo` has both."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dissectors.modules import needed

if TYPE_CHECKING:
    from markupsafe import Markup
else:
    Markup = needed("markupsafe", extra="demo", use="a page").Markup

__all__ = ["Markup"]
