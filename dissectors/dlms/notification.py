"""Data notifications (pushes and GBCS alerts) and their confirmation.

Source: IEC 62056-5-3 (Green Book), clause on the DataNotification service.
"""

from __future__ import annotations

from dissectors.dlms.layout import Element
from dissectors.dlms.references import DATA, DATE_TIME, LONG_INVOKE, PUSH_DATE_TIME

__all__ = ["NOTIFICATIONS"]

NOTIFICATIONS: dict[int, tuple[Element, ...]] = {
    0x0F: (LONG_INVOKE, PUSH_DATE_TIME, DATA),
    0x10: (LONG_INVOKE, DATE_TIME),
}
