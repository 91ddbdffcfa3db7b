"""Data notifications (pushes and GBCS alerts) and their confirmation.

Source: IEC 62056-5-3 (Green Book), clause on the DataNotification service.
"""

from __future__ import annotations

from dissectors.dlms.apdu.references import DATA, DATE_TIME, LONG_INVOKE, PUSH_DATE_TIME
from dissectors.layout.axdr import AxdrPart

__all__ = ["NOTIFICATIONS"]

NOTIFICATIONS: dict[int, tuple[AxdrPart, ...]] = {
    0x0F: (LONG_INVOKE, PUSH_DATE_TIME, DATA),
    0x10: (LONG_INVOKE, DATE_TIME),
}
