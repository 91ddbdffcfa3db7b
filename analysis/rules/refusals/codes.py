"""What the tables of this folder say: status codes with what to do, commands that matter, what a device lacks."""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

from dissectors.gbcs import use_cases
from dissectors.layout import rows_in

__all__ = ["Code", "Matter", "code_of", "code_said", "matter_of", "rows_of"]


class Code(NamedTuple):
    """One code of an answer: ``ok``, ``wait`` (to be asked again later) or ``refused``, and what to do."""

    meaning: str
    what: str
    do: str


class Matter(NamedTuple):
    """Why a command matters, and what follows when it is refused."""

    matters: str
    consequence: str


@cache
def rows_of(name: str) -> tuple[dict[str, str], ...]:
    """A table of this folder."""
    return rows_in("analysis.rules.refusals", name)


@cache
def _codes() -> dict[tuple[str, int], Code]:
    return {
        (row["of"], int(row["code"], 0)): Code(row["meaning"], row["what"], row["do"])
        for row in rows_of("response_codes")
        if row["code"][0].isdigit()
    }


def code_of(of: str, code: int) -> Code | None:
    """A code of one kind of answer (a layer, or a use case); None where no table has it."""
    return _codes().get((of, code))


@cache
def _said() -> dict[tuple[str, str], Code]:
    return {
        (row["of"], _plain(row["meaning"])): Code(row["meaning"], row["what"], row["do"])
        for row in reversed(rows_of("response_codes"))
    }


def code_said(use_case: str, words: str) -> Code | None:
    """What is known of the result of a GBCS response, by the words that stand for it."""
    plain = _plain(words)
    for of in (*(use_case[:n] for n in (5, 4)), "dlms", "zcl"):
        if (found := _said().get((of, plain))) is not None:
            return found
    return None


def _plain(words: str) -> str:
    return re.sub(r"[^a-z0-9]+", " ", words.lower()).strip()


@cache
def matter_of(code: int) -> Matter | None:
    """Why the command with this message code matters; None where nothing says that it does."""
    row = use_cases().get(code)
    references = re.findall(r"\d+(?:\.\d+)+", row.service_reference) if row is not None else []
    for one in rows_of("what_matters"):
        if any(f"{reference}.".startswith(f"{one['service']}.") for reference in references):
            return Matter(one["matters"], one["consequence"])
    return None
