"""Profiles: which limits hold, for which version of the specification, and who says so (TOML)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

from captures.toml_text import TomlError, parse_toml

__all__ = ["DEFAULT", "Profile", "ProfileError", "profile_names", "read_profile"]

DEFAULT = "gbcs-4"
SEVERITY_NAMES = {"info", "warning", "error", "critical"}
HEAD = {"name", "text", "extends", "version"}
"""What ``[profile]`` may say."""
KINDS = {"enabled": "true or false", "source": "text"}


class ProfileError(ValueError):
    """A profile that cannot be read, with its file and what is wrong."""


@dataclass(frozen=True, slots=True)
class Profile:
    """Settings of rules.

    A table ``[rules.<id>]`` holds parameters by name, and may hold ``enabled``, ``severity`` and ``source``
    (why the value is what it is).
    """

    name: str
    text: str = ""
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def enabled(self, rule: str) -> bool:
        return bool(self.settings.get(rule, {}).get("enabled", True))

    def severity(self, rule: str) -> str | None:
        value = self.settings.get(rule, {}).get("severity")
        return None if value is None else str(value)

    def source(self, rule: str) -> str | None:
        value = self.settings.get(rule, {}).get("source")
        return None if value is None else str(value)

    def parameters(self, rule: str, defaults: Mapping[str, Any]) -> dict[str, Any]:
        """The rule's parameters, the profile's values over the rule's own."""
        own = self.settings.get(rule, {})
        return {name: own.get(name, default) for name, default in defaults.items()}

    def hold_to(self, parameters: Mapping[str, Mapping[str, Any]], known: set[str]) -> None:
        """Raises `ProfileError` when a rule or a parameter that the profile names does not exist."""
        for rule, values in self.settings.items():
            if rule not in known:
                raise ProfileError(f"profile {self.name}: no such rule: {rule}")
            extra = set(values) - {"enabled", "severity", "source"} - set(parameters.get(rule, values))
            if extra:
                raise ProfileError(
                    f"profile {self.name}: rule {rule} has no parameter {', '.join(sorted(extra))}"
                )
            if values.get("severity", "info") not in SEVERITY_NAMES:
                raise ProfileError(
                    f"profile {self.name}: rule {rule}: no such severity: {values['severity']}"
                )
            for name, value in values.items():
                kind = KINDS.get(name) or _kind(parameters.get(rule, {}).get(name))
                if kind and _kind(value) != kind:
                    raise ProfileError(f"profile {self.name}: rule {rule}: {name} is {value!r} and no {kind}")


def _kind(value: Any) -> str:
    """What a value of TOML is in words; empty for what a rule has no kind for."""
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return "number"
    return "text" if isinstance(value, str) else ""


def _known_names(wanted: str, content: Mapping[str, Any]) -> None:
    """Raises `ProfileError` for a table, or a name in ``[profile]``, that nobody reads."""
    head = content.get("profile", {})
    extra = sorted(set(content) - {"profile", "rules"})
    if extra:
        raise ProfileError(f"{wanted}: no such table: {extra[0]} (a profile has [profile] and [rules.<id>])")
    if not isinstance(head, dict):
        raise ProfileError(f"{wanted}: [profile] must be a table")
    if strange := sorted(set(head) - HEAD):
        raise ProfileError(f"{wanted}: [profile] has no {strange[0]} (it may have {', '.join(sorted(HEAD))})")


def _folder() -> Any:
    return resources.files("analysis.rules.compliance") / "profiles"


def profile_names() -> list[str]:
    """The profiles that come with the package."""
    return sorted(p.name.removesuffix(".toml") for p in _folder().iterdir() if p.name.endswith(".toml"))


def read_profile(name: str | Path | None = None, _below: tuple[str, ...] = ()) -> Profile:
    """The profile called `name` (one of ours, or a TOML file); None for the default.

    Raises `ProfileError`.
    """
    wanted = str(name or DEFAULT)
    own = wanted in profile_names()
    try:
        data = (_folder() / f"{wanted}.toml").read_bytes() if own else Path(wanted).read_bytes()
    except OSError as error:
        known = ", ".join(profile_names())
        raise ProfileError(f"{wanted}: neither a profile ({known}) nor a file: {error.strerror}") from None
    try:
        content = parse_toml(data.decode("utf-8"))
    except (TomlError, UnicodeDecodeError) as error:
        raise ProfileError(f"{wanted}: {error}") from None
    tables = content.get("rules", {})
    if not isinstance(tables, dict) or not all(isinstance(v, dict) for v in tables.values()):
        raise ProfileError(f"{wanted}: [rules.<id>] must be tables")
    _known_names(wanted, content)
    head = content.get("profile", {})
    if base := head.get("extends"):
        if wanted in _below:
            raise ProfileError(f"{wanted}: extends itself")
        inherited = read_profile(str(base), (*_below, wanted)).settings
        tables = {r: {**inherited.get(r, {}), **tables.get(r, {})} for r in {**inherited, **tables}}
    return Profile(str(head.get("name", wanted)), str(head.get("text", "")), tables)
