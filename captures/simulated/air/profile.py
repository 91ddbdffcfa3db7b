"""The parameters of the simulated HAN: each value with its unit and where it comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from captures.toml_text import parse_toml

__all__ = ["Parameter", "Profile", "profile"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One value; `confidence` is ``text seen``, ``secondary``, ``recalled`` or ``chosen``."""

    value: Any
    unit: str = ""
    source: str = ""
    confidence: str = "chosen"


@dataclass(frozen=True, slots=True)
class Profile:
    """Named parameters, by dotted name: ``gsme.wake_interval``."""

    name: str
    parameters: Mapping[str, Parameter]

    def number(self, name: str) -> float:
        """The value of a numeric parameter; KeyError when there is none of that name."""
        return float(self.parameters[name].value)

    def whole(self, name: str) -> int:
        """The value of an integer parameter."""
        return int(self.parameters[name].value)

    def text(self, name: str) -> str:
        return str(self.parameters[name].value)

    def changed(self, **values: Any) -> Profile:
        """The profile with some values changed (dots written as double underscores): for faults and tests."""
        new = dict(self.parameters)
        for key, value in values.items():
            name = key.replace("__", ".")
            old = new[name]
            new[name] = Parameter(value, old.unit, old.source, old.confidence)
        return Profile(self.name, new)

    def with_text(self, text: str, name: str = "own") -> Profile:
        """The profile with the parameters of a TOML text in the place of its own.

        Raises:
            ValueError: not TOML, an entry without a value, or a parameter that the profile does not have.
        """
        given = Profile.of(text, name).parameters
        if unknown := sorted(set(given) - set(self.parameters)):
            raise ValueError(f"no parameter {unknown[0]}")
        return Profile(name, {**self.parameters, **given})

    @classmethod
    def of(cls, text: str, name: str = "own") -> Profile:
        """Read a profile from TOML text.

        Raises:
            ValueError: not TOML, or an entry without a value.
        """
        found: dict[str, Parameter] = {}
        _collect(parse_toml(text), "", found)
        return cls(name, found)


def _collect(node: Mapping[str, Any], prefix: str, found: dict[str, Parameter]) -> None:
    for key, value in node.items():
        if isinstance(value, Mapping) and "value" in value:
            found[prefix + key] = Parameter(
                value["value"],
                str(value.get("unit", "")),
                str(value.get("source", "")),
                str(value.get("confidence", "chosen")),
            )
        elif isinstance(value, Mapping):
            _collect(value, f"{prefix}{key}.", found)
        else:
            raise ValueError(f"{prefix}{key}: a parameter is a table with a value")


@cache
def profile(name: str = "smets2") -> Profile:
    """A profile that comes with hanscope.

    Raises:
        FileNotFoundError: there is none of that name.
    """
    text = (resources.files("captures.simulated") / "profiles" / f"{name}.toml").read_text("utf-8")
    return Profile.of(text, name)
