"""Channel pages of the ZigBee bands and what their channel masks say.

Source: ZigBee 05-3474 R22 clause 3.2.2.2.1 and table D-4 (pages 28 to 31: 863-876 and 915-921 MHz for Great
Britain and Europe, 200 kHz apart; in a 32-bit channel mask the upper five bits are the page); IEEE
802.15.4-2015 clause 10.1.2 (page 0).
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["PAGES", "Page", "channel_mask_text", "channels_of", "frequency_khz"]


class Page(NamedTuple):
    """A channel page: its band and the channel of each bit of its 27-bit mask."""

    band: str
    channels: tuple[int, ...]


ALL = tuple(range(27))
PAGES = {
    0: Page("2.4 GHz", ALL),
    28: Page("863 MHz", ALL),
    29: Page("868 MHz", (*range(27, 35), 62)),
    30: Page("870 MHz", tuple(range(35, 62))),
    31: Page("915 MHz", ALL),
}
LOWEST_KHZ = {28: 863_250, 29: 863_250, 30: 863_250, 31: 915_350}
SPACING_KHZ = 200


def channels_of(mask: int) -> tuple[int, list[int]]:
    """Page and channel numbers of a 32-bit channel mask field.

    >>> channels_of(0x00108000), channels_of(28 << 27 | 0b101), channels_of(29 << 27 | 0x100)
    ((0, [15, 20]), (28, [0, 2]), (29, [62]))
    """
    page = mask >> 27
    channels = PAGES[page].channels if page in PAGES else ALL
    return page, [channel for bit, channel in enumerate(channels) if mask >> bit & 1]


def channel_mask_text(mask: int) -> str:
    """A channel mask in words.

    >>> channel_mask_text(0x07FFF800)
    'page 0 (2.4 GHz): channels 11 to 26'
    """
    page, channels = channels_of(mask)
    band = f" ({PAGES[page].band})" if page in PAGES else ""
    if len(channels) > 4 and channels == list(range(channels[0], channels[-1] + 1)):
        return f"page {page}{band}: channels {channels[0]} to {channels[-1]}"
    return f"page {page}{band}: channels {', '.join(map(str, channels)) or 'none'}"


def frequency_khz(page: int, channel: int) -> int | None:
    """Centre frequency of a channel; None for pages and channels that are not in `PAGES`.

    >>> frequency_khz(0, 11), frequency_khz(28, 0), frequency_khz(30, 61)
    (2405000, 863250, 875450)
    """
    if page == 0:
        return 2_405_000 + (channel - 11) * 5_000 if 11 <= channel <= 26 else None
    if page not in PAGES or channel not in PAGES[page].channels:
        return None
    return LOWEST_KHZ[page] + channel * SPACING_KHZ
