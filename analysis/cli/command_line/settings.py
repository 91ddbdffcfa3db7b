"""What a person sets once for every command: ``config.toml`` and the variables ``HANSCOPE_*``.

Strategy: a setting is an option that many verbs share, known by its declaration; it fills in what the command line leaves
out. The command line comes before the environment, and that before the file.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from analysis.cli.command_line import options
from analysis.cli.command_line.arguments import Taken
from analysis.cli.console import UsageError

__all__ = ["CONFIG", "SETTINGS", "configuration_file", "named_filters", "with_settings"]

CONFIG = "HANSCOPE_CONFIG"
"""Names another file than the usual one; empty for none."""
SETTINGS: dict[str, Any] = {
    "keys": options.KeysOption,
    "profile": options.ProfileOption,
    "tz": options.ZoneOption,
    "time": options.TimeOption,
    "jobs": options.JobsOption,
    "fail-on": options.FailOption,
    "accept": options.AcceptOption,
    "rules-from": options.RulesFromOption,
}
"""What can be set, and the option that it stands for."""
BY_NAME = {"columns": options.ColumnsOption, "filters": options.WhereOption}
"""Tables of the file: columns by verb, and filters by a name of one's own."""
NAMED = re.compile(r"""'[^']*'|"[^"]*"|@([A-Za-z][\w-]*)""")
"""A filter's name in an expression; texts in quotes are left as they are."""


def configuration_file(environment: Mapping[str, str] = os.environ) -> Path | None:
    """Where the settings stand: what `CONFIG` names, else in the folder for configuration; None for nowhere."""
    if CONFIG in environment:
        return Path(environment[CONFIG]).expanduser() if environment[CONFIG] else None
    folder = environment.get("XDG_CONFIG_HOME", "")
    if not os.path.isabs(folder):  # noqa: PTH117 - the XDG specification: what is not absolute does not count
        home = environment.get("HOME") or environment.get("USERPROFILE")
        if not home:
            return None
        folder = os.path.join(home, ".config")  # noqa: PTH118
    return Path(folder) / "hanscope" / "config.toml"


def with_settings(name: str, everything: Sequence[Taken], given: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a verb with what is set for those that were not given, and with named filters written out.

    Args:
        name: of the verb.
        everything: what it takes.
        given: what the command line says.

    Raises:
        UsageError: a setting is none, or says nothing that can be understood.
    """
    file = _File.read()
    declared = {id(get_args(one)[1]): setting for setting, one in (SETTINGS | BY_NAME).items()}
    found = dict(given)
    for one in everything:
        setting = declared.get(id(one.declared))
        if setting == "filters":
            if isinstance(found.get(one.name), str):
                found[one.name] = file.written_out(found[one.name])
        elif setting is not None and one.name not in found:
            value = file.columns(name) if setting == "columns" else _set(setting, one, file)
            if value is not None:
                found[one.name] = value
    return found


def named_filters() -> dict[str, str]:
    """The filters that have a name."""
    return _File.read().filters


def _set(setting: str, one: Taken, file: _File) -> Any:
    variable = f"HANSCOPE_{setting.upper().replace('-', '_')}"
    if variable not in os.environ:
        return file.value(setting, one)
    text = os.environ[variable]
    if not text:
        return None
    return _checked(text, one, variable)


def _checked(text: str, one: Taken, place: str) -> Any:
    if one.type is not int:
        return one.type(text)
    if not text.isdecimal() or int(text[:9]) < 1:
        raise UsageError(f"{place}: {text!r} is no whole number from 1 on")
    return int(text[:9])


class _File:
    """The settings of a file; of none where there is none."""

    def __init__(self, path: Path | None, told: Mapping[str, Any]) -> None:
        self.path, self.told = path, told
        for key, value in told.items():
            if key not in SETTINGS and key not in BY_NAME:
                self.refuse(f"{key!r} is no setting", "known are " + ", ".join((*SETTINGS, *BY_NAME)))
            whole = key in SETTINGS and get_args(SETTINGS[key])[0] is int
            if whole and (type(value) is not int or value < 1):
                self.refuse(f"{key} is no whole number from 1 on")
            if key in SETTINGS and not whole and not isinstance(value, str):
                self.refuse(f"{key} is no text")
            if key in BY_NAME and not isinstance(value, dict):
                self.refuse(f"{key} is a table", f"[{key}] in a line of its own, then NAME = ...")
        for key, value in self.filters.items():
            if not isinstance(value, str) or not value.strip():
                self.refuse(f"filter {key!r} is no text", f'{key} = "rssi < -80"')
        for key, value in told.get("columns", {}).items():
            listed = value if isinstance(value, list) else [value]
            if not listed or not all(isinstance(text, str) for text in listed):
                self.refuse(f"columns of {key!r} are no texts", f'{key} = ["frame", "time", "summary"]')

    @classmethod
    def read(cls) -> _File:
        path = configuration_file()
        if path is None or not path.exists():
            if path is not None and os.environ.get(CONFIG):
                raise UsageError(f"{path}: there is no such file", f"{CONFIG} names it")
            return cls(None, {})
        from captures.toml_text import TomlError, parse_toml

        try:
            return cls(path, parse_toml(path.read_text("utf-8")))
        except TomlError as error:
            raise UsageError(f"{path}: {error}", "docs/configuration.md has an example") from None
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"{path}: {getattr(error, 'strerror', None) or 'not UTF-8 text'}") from None

    def refuse(self, text: str, hint: str = "") -> None:
        raise UsageError(f"{self.path}: {text}", hint)

    @property
    def filters(self) -> dict[str, str]:
        return dict(self.told.get("filters", {}))

    def value(self, setting: str, one: Taken) -> Any:
        value = self.told.get(setting)
        if value is not None and one.type is Path and self.path is not None:
            return self.path.parent / Path(value).expanduser()
        return value

    def columns(self, verb: str) -> str | None:
        value = self.told.get("columns", {}).get(verb)
        return ",".join(value) if isinstance(value, list) else value

    def written_out(self, text: str, within: tuple[str, ...] = ()) -> str:
        """An expression with the filters that it names in their places."""

        def instead(match: re.Match[str]) -> str:
            name = match[1]
            if name is None:
                return match[0]
            if name not in self.filters or name in within:
                known = ", ".join(f"@{one}" for one in self.filters) or "none"
                what = "names itself" if name in within else "is no filter that has a name"
                raise UsageError(f"--where: @{name} {what}", f"known are {known} (docs/configuration.md)")
            return f"({self.written_out(self.filters[name], (*within, name))})"

        return NAMED.sub(instead, text)
