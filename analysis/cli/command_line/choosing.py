"""What of a capture is wanted, as options that every verb has which reads captures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from analysis.cli.command_line.options import DeviceOption, FromOption, ToOption, WhereOption, ZoneOption
from analysis.cli.console import UsageError
from dissectors.text import printable

if TYPE_CHECKING:
    from datetime import tzinfo

    from analysis.pipeline.sinks import Sink
    from analysis.views.filters import Filter
    from analysis.views.following import Wanted
    from analysis.views.ladder import Ladder
    from dissectors import Keyring

__all__ = [
    "EVERYTHING",
    "ChoiceOptions",
    "behind",
    "chosen_numbers",
    "inside",
    "ladder_of_choice",
    "zone_called",
]


class ChoiceOptions(NamedTuple):
    """What of a capture is wanted. Filtering comes after decoding: what is not wanted teaches keys and addresses, too."""

    where: WhereOption = None
    from_: FromOption = None
    to: ToOption = None
    device: DeviceOption = None
    tz: ZoneOption = None

    def __bool__(self) -> bool:
        return any(one is not None for one in self[:4])

    def filter(self, source: Any, keyring: Keyring, table: str = "packets", also: str = "") -> Filter | None:
        """It as a filter of a table of a capture; None when all is wanted.

        Args:
            source: the capture, read once more where only it knows who `device` is, or what is found in it.
            also: as `analysis.views.filters.parse_filter` takes it.

        Raises:
            UsageError: an option says nothing that can be understood.
            CaptureError: the capture cannot be read.
        """
        zone = zone_called(self.tz)
        if not self:
            return None
        from analysis.tables.filter_language import FilterError
        from analysis.views.choice import Choice

        self._see_moments(zone)
        choice = Choice(self.where, self.from_, self.to, None, zone)
        try:
            choice.filter(table, also=also)  # what is wrong is told before the capture is read
        except FilterError as error:
            before = printable(str(self.where)[: error.position])
            pointed = (str(self.where), " " * len(before) + "^")
            raise UsageError(f"--where: {error}", "hanscope fields lists the names", pointed) from None
        stations = [] if self.device is None else stations_of(self.device, source, keyring)
        found = choice._replace(device=self.device).filter(table, stations, also=also)
        if found is not None and "findings" in found.tables:
            from analysis.engine.checking import check_capture
            from analysis.findings.findings_output import findings_batch

            found.give("findings", findings_batch(check_capture(source, keyring).result.findings))
        return found

    def of_frames(self) -> ChoiceOptions:
        """The part of it that frames meet: without an expression that asks for findings."""
        from analysis.tables.filter_language import FilterError
        from analysis.views.filters import parse_filter

        try:
            met = self.where is None or "findings" not in parse_filter(self.where).tables
        except FilterError:
            met = False
        return self if met else self._replace(where=None)

    def title(self) -> str:
        """It in words."""
        said = {"device": self.device, "where": self.where, "from": self.from_, "to": self.to}
        return ", ".join(f"{name} {value}" for name, value in said.items() if value)

    def _see_moments(self, zone: tzinfo) -> None:
        from analysis.tables.times import Moment

        for name, text in (("--from", self.from_), ("--to", self.to)):
            try:
                Moment(text or "0", zone)
            except ValueError as error:
                hint = "or 12:30 of the first day, or 90s, 5m, 2h into it"
                raise UsageError(f"{name}: {error}", hint) from None


EVERYTHING = ChoiceOptions()
"""Nothing is left out."""


def behind(chosen: Filter | None, *sinks: Sink) -> tuple[Sink, ...]:
    """`sinks`, to be given what `chosen` chooses; without a filter as they are."""
    if chosen is None:
        return sinks
    from analysis.views.filtered import FilteredSink

    return (FilteredSink(chosen, sinks),)


def inside(choice: ChoiceOptions, what: str, numbers: Sequence[int]) -> ChoiceOptions:
    """What is chosen of these messages or exchanges (`what`) and of what lies in them; all where none are named."""
    if not numbers:
        return choice
    there = f"{what}.{what} in ({', '.join(map(str, numbers))})"
    return choice._replace(where=f"{there} and ({choice.where})" if choice.where else there)


def chosen_numbers(choice: ChoiceOptions, source: Any, keyring: Keyring) -> list[int]:
    """The numbers of the frames that are chosen."""
    from analysis.pipeline.runner import run_passes
    from analysis.views.filtered import ChosenFrames

    sink = ChosenFrames()
    run_passes(source, keyring, *behind(choice.filter(source, keyring), sink))
    return [int(one) for one in sink.numbers]


def ladder_of_choice(
    source: Any, keyring: Keyring, wanted: Wanted, choice: ChoiceOptions = EVERYTHING, **how: Any
) -> tuple[Ladder, Any]:
    """The ladder of what is wanted, of that what is chosen, and the pass that read it; `how` as `followed` takes it.

    Raises:
        ValueError: nobody is called as the join that is wanted; `NotThere`, there is no such thing.
        UsageError: an option says nothing that can be understood.
        CaptureError: the capture cannot be read.
    """
    from analysis.views.following import followed

    where = wanted.expression(source, keyring)
    if where is not None:
        choice = choice._replace(where=f"({where}) and ({choice.where})" if choice.where else where)
    title = wanted.title() if where is not None or not choice else choice.title()
    return followed(source, keyring, choice.filter(source, keyring), title, **how)


def zone_called(name: str | None) -> tzinfo:
    """A time zone by its name.

    Raises:
        UsageError: there is none of that name.
    """
    from datetime import UTC

    if name is None or name.upper() in ("UTC", "Z"):
        return UTC
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError):  # no such file, no such name
        raise UsageError(f"--tz: no time zone {name!r}", "such as Europe/London, or UTC") from None


def stations_of(device: str, source: Any, keyring: Keyring) -> list[int]:
    """The addresses that a name means: as keys.toml says, else as the capture does.

    Raises:
        UsageError: nobody is called so.
    """
    from analysis.pipeline.decode import TableSink
    from analysis.pipeline.runner import run_passes
    from analysis.tables.python_values import rows_of
    from analysis.views.choice import Party, stations_called

    told = [Party(eui64, one.name or "", one.role or "") for eui64, one in keyring.devices.items()]
    try:
        return stations_called(device, told)
    except ValueError:
        sink = TableSink(("devices",))
        run_passes(source, keyring, sink)
    rows = (row for batch in sink.batches.get("devices", ()) for row in rows_of(batch))
    seen = [Party(row["eui64"], row.get("name", ""), row.get("role", "")) for row in rows if "eui64" in row]
    try:
        return stations_called(device, seen)
    except ValueError as error:
        raise UsageError(
            f"--device: {error}", "hanscope stats lists the devices; or give an address"
        ) from None
