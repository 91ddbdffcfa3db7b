"""What the nodes of a tree mean, in plain words, with document and clause; nodes without a text have none.

Strategy: most parts of frames and messages stand in `explanations.csv`. What a value means beyond its name comes from the
dissectors' own tables: use cases, alert codes, interface classes.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any, NamedTuple

from dissectors import Field, Message
from dissectors.layout import rows_in

__all__ = ["Explanation", "explain_frame", "explain_message", "put_explanations"]


class Explanation(NamedTuple):
    """What a node means, and where that is defined."""

    text: str
    document: str
    clause: str

    def __str__(self) -> str:
        return (
            f"{self.text} ({self.document}, {self.clause})"
            if self.clause
            else f"{self.text} ({self.document})"
        )


Explanations = dict[int, Explanation]
"""By the identity of fields, as long as these are held."""


@cache
def _rows() -> dict[tuple[str, str], Explanation]:
    return {
        (row["layer"], row["field"]): Explanation(row["text"], row["document"], row["clause"])
        for row in rows_in("analysis.views", "explanations")
    }


def explain_frame(fields: Iterable[Field]) -> Explanations:
    """What the fields of a frame mean."""
    out: Explanations = {}
    for top in fields:
        _explain(top, _name(top), None, out)
    return out


def explain_message(message: Message) -> Explanations:
    """What the fields of a message mean."""
    out: Explanations = {}
    for top in message.fields:
        _explain(top, message.kind, None, out)
    return out


def put_explanations(fields: Iterable[Field], told: Iterable[dict[str, Any]], known: Explanations) -> None:
    """Add to the JSON form of fields what they mean, as `explanation`."""
    for one, out in zip(fields, told, strict=True):
        found = known.get(id(one))
        if found is not None:
            out["explanation"] = found._asdict()
        put_explanations(one.children, out["children"], known)


def _explain(one: Field, layer: str, parent: Field | None, out: Explanations) -> None:
    rows, name = _rows(), _name(one)
    around = "" if parent is None else f"{_name(parent)}/"
    found = _of_value(one, name) if layer == "gbcs" else None
    found = found or rows.get((layer, around + name)) or rows.get((layer, name))
    if found is not None:
        out[id(one)] = found
    for child in one.children:
        _explain(child, layer, one, out)


def _name(one: Field) -> str:
    return one.name.partition(":")[0].partition("[")[0].lower()


def _of_value(one: Field, name: str) -> Explanation | None:
    """What the dissectors' tables say of the value of a field of a GBCS message."""
    value = one.value
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    if name == "message_code":
        return _use_case(value)
    if name == "alert_code":
        return _alert(value)
    return _class(value) if name == "class_id" else None


def _use_case(code: int) -> Explanation | None:
    from dissectors.gbcs import use_cases

    found = use_cases().get(code)
    if found is None:
        return None
    words = [f"{found.use_case}: {found.title.removeprefix(found.use_case).strip()}"]
    words += [f"message category {found.category}"] if found.category else []
    words += [f"service request {found.service_reference}"] if found.service_reference else []
    return Explanation("; ".join(words), "GBCS 4.x", "15, 20")


def _alert(code: int) -> Explanation | None:
    from dissectors.gbcs import alert_code

    found = alert_code(code)
    if found is None:
        return None
    words = [found.name, f"to be checked: {found.check}" if found.check else ""]
    return Explanation("; ".join(word for word in words if word), "GBCS 4.x", "16")


def _class(class_id: int) -> Explanation | None:
    from dissectors.dlms import class_name

    found = class_name(class_id)
    return (
        Explanation(f"An object of the kind {found}", "IEC 62056-6-2 (Blue Book)", f"class {class_id}")
        if found
        else None
    )
