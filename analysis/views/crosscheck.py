"""Field by field: do two decoders say the same of the same frame? Ours beside tshark's.

A field counts where both have it. What each tshark field means in our columns stands in `PAIRS`; who is
right where they differ is argued in ``tests/known_differences.md``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from analysis.tables.addresses import address_text

__all__ = ["PAIRS", "Crosscheck", "Pair", "tshark_fields"]

Row = Mapping[str, Any]
KEPT = 1000


def _number(text: str) -> int:
    return int(text, 0) if text.lower().startswith("0x") else int(text)


def _eui64(text: str) -> str:
    return text.replace(":", "").lower()


def _short(text: str) -> str:
    return address_text(_number(text), 4)


def _truth(text: str) -> bool:
    return text.lower() in ("1", "true")


def _words(*words: str) -> Callable[[str], Any]:
    def read(text: str) -> Any:
        value = _number(text)
        return words[value] if value < len(words) else value

    return read


@dataclass(frozen=True, slots=True)
class Pair:
    """One of our columns and the tshark field that says the same.

    Attributes:
        column: ours.
        field: tshark's display filter name.
        read: tshark's text as our value.
        layer: mac, nwk, aps or zcl.
        when: (our column, value) that a frame must have, for columns that hold different things.
        only: (tshark field, value) that the frame must have there.
    """

    column: str
    field: str
    read: Callable[[str], Any]
    layer: str
    when: tuple[str, Any] | None = None
    only: tuple[str, str] | None = None


MAC_TYPES = ("beacon", "data", "ack", "command", "reserved", "multipurpose", "fragment", "extended")

PAIRS = (
    Pair("mac_type", "wpan.frame_type", _words(*MAC_TYPES), "mac"),
    Pair("mac_seq", "wpan.seq_no", _number, "mac"),
    Pair("mac_dst_pan", "wpan.dst_pan", _number, "mac"),
    Pair("mac_src_pan", "wpan.src_pan", _number, "mac"),
    Pair("mac_dst", "wpan.dst16", _short, "mac", ("mac_dst_mode", "short")),
    Pair("mac_src", "wpan.src16", _short, "mac", ("mac_src_mode", "short")),
    Pair("mac_dst", "wpan.dst64", _eui64, "mac", ("mac_dst_mode", "extended")),
    Pair("mac_src", "wpan.src64", _eui64, "mac", ("mac_src_mode", "extended")),
    Pair("mac_command", "wpan.cmd", _number, "mac"),
    Pair("fcs_ok", "wpan.fcs_ok", _truth, "mac"),
    Pair("nwk_type", "zbee_nwk.frame_type", _words("data", "command", "reserved", "inter-pan"), "nwk"),
    Pair("nwk_dst", "zbee_nwk.dst", _short, "nwk"),
    Pair("nwk_src", "zbee_nwk.src", _short, "nwk"),
    Pair("nwk_src_eui64", "zbee_nwk.src64", _eui64, "nwk"),
    Pair("nwk_dst_eui64", "zbee_nwk.dst64", _eui64, "nwk"),
    Pair("nwk_radius", "zbee_nwk.radius", _number, "nwk"),
    Pair("nwk_seq", "zbee_nwk.seqno", _number, "nwk"),
    Pair("nwk_command", "zbee_nwk.cmd.id", _number, "nwk"),
    Pair("nwk_counter", "zbee.sec.counter", _number, "nwk", only=("zbee_nwk.security", "1")),
    Pair("nwk_sender", "zbee.sec.src64", _eui64, "nwk", only=("zbee_nwk.security", "1")),
    Pair("nwk_key_seq", "zbee.sec.key_seqno", _number, "nwk", only=("zbee_nwk.security", "1")),
    Pair("aps_type", "zbee_aps.type", _words("data", "command", "ack", "inter-pan"), "aps"),
    Pair("aps_dst_endpoint", "zbee_aps.dst", _number, "aps"),
    Pair("aps_src_endpoint", "zbee_aps.src", _number, "aps"),
    Pair("aps_cluster", "zbee_aps.cluster", _number, "aps"),
    Pair("aps_cluster", "zbee_aps.zdp_cluster", _number, "aps"),
    Pair("aps_profile", "zbee_aps.profile", _number, "aps"),
    Pair("aps_counter", "zbee_aps.counter", _number, "aps"),
    Pair("aps_command", "zbee_aps.cmd.id", _number, "aps"),
    Pair("zcl_type", "zbee_zcl.type", _words("general", "cluster"), "zcl"),
    Pair("zcl_direction", "zbee_zcl.dir", _words("to-server", "to-client"), "zcl"),
    Pair("zcl_manufacturer", "zbee_zcl.cmd.mc", _number, "zcl"),
    Pair("zcl_seq", "zbee_zcl.cmd.tsn", _number, "zcl"),
    Pair("zcl_command", "zbee_zcl.cmd.id", _number, "zcl"),
    Pair("zcl_command", "zbee_zcl.cs.cmd.id", _number, "zcl"),
    Pair("zcl_attribute", "zbee_zcl.attr.id", _number, "zcl"),
    Pair("zcl_status", "zbee_zcl.attr.status", _number, "zcl"),
)


def tshark_fields() -> list[str]:
    """All tshark fields that a comparison needs, each once."""
    needed = ["frame.number"]
    for pair in PAIRS:
        needed += [pair.field, *([pair.only[0]] if pair.only else [])]
    return list(dict.fromkeys(needed))


@dataclass(frozen=True, slots=True)
class Disagreement:
    """One frame of which the two say different things."""

    frame: int
    field: str
    ours: Any
    theirs: Any

    def to_json(self) -> dict[str, Any]:
        return {"frame": self.frame, "field": self.field, "hanscope": self.ours, "tshark": self.theirs}


@dataclass(slots=True)
class Crosscheck:
    """The count, by tshark field.

    Attributes:
        same: frames where both have the field and agree.
        different: frames where both have it and do not.
        ours_only, theirs_only: frames where one has it.
        disagreements: the first of each field.
    """

    same: Counter[str] = field(default_factory=Counter)
    different: Counter[str] = field(default_factory=Counter)
    ours_only: Counter[str] = field(default_factory=Counter)
    theirs_only: Counter[str] = field(default_factory=Counter)
    disagreements: list[Disagreement] = field(default_factory=list)

    def compare(self, ours: Row, theirs: Mapping[str, str]) -> None:
        """Take in one frame: our columns (addresses as text) and tshark's fields as text; absent is null."""
        for pair in PAIRS:
            if pair.when is not None and ours.get(pair.when[0]) != pair.when[1]:
                continue
            if pair.only is not None and not _holds(theirs, pair.only):
                continue
            self._one(pair, ours, theirs)

    def _one(self, pair: Pair, ours: Row, theirs: Mapping[str, str]) -> None:
        mine = ours.get(pair.column)
        text = (theirs.get(pair.field) or "").split("|")[0].split(",")[0]
        if not text:
            self.ours_only[pair.field] += mine is not None
            return
        if mine is None:
            self.theirs_only[pair.field] += 1
            return
        try:
            value = pair.read(text)
        except ValueError:
            value = text
        if mine == value:
            self.same[pair.field] += 1
            return
        self.different[pair.field] += 1
        if self.different[pair.field] <= KEPT:
            self.disagreements.append(Disagreement(int(ours["frame"]), pair.field, mine, value))

    def add(self, other: Crosscheck) -> None:
        """Take in another capture's count."""
        for name in ("same", "different", "ours_only", "theirs_only"):
            getattr(self, name).update(getattr(other, name))
        self.disagreements.extend(other.disagreements)

    def share(self, fields: Iterable[str] | None = None) -> float:
        """The share of comparisons (both have the field) that agree; 1.0 when there are none."""
        chosen = list(fields) if fields is not None else list(self.same | self.different)
        same, different = sum(self.same[f] for f in chosen), sum(self.different[f] for f in chosen)
        return same / (same + different) if same + different else 1.0

    def to_json(self) -> list[dict[str, Any]]:
        """One row a field."""
        names = dict.fromkeys(pair.field for pair in PAIRS)
        return [
            {
                "field": name,
                "same": self.same[name],
                "different": self.different[name],
                "hanscope_only": self.ours_only[name],
                "tshark_only": self.theirs_only[name],
                "share": self.share([name]),
            }
            for name in names
        ]


def _holds(theirs: Mapping[str, str], only: tuple[str, str]) -> bool:
    text = theirs.get(only[0]) or ""
    return _truth(text) == _truth(only[1]) if text else False
