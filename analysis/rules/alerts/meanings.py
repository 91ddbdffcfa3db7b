"""What alerts mean, a rule for each class of them: what a code stands for is looked up in the table of alert codes."""

from __future__ import annotations

from collections.abc import Iterator

from analysis.features.judging import mask
from analysis.features.names import missing
from analysis.rules.compliance.gbcs_messages import party, station_of
from analysis.rules.declare import Evidence, Frame, Subject, View, broken, c, kept, messages, rule
from dissectors.gbcs import AlertCode, alert_code, alert_codes
from dissectors.layout import rows_in

ALERTS = messages.where(c.cra == "alert", c.alert_code.known)
OTHERS = "ordinary-day --fault gbcs-tamper --seconds 1500"
"""A simulation with a security alert, and no other."""
ROWS = ALERTS[c.message, c.originator, c.recipient, c.alert_code, c.seconds, c.frames]
WORDS, DEVICES = ("result", "status", "issue_code", "scan_outcome"), ("entity", "device")
"""What an alert says besides its code: outcomes in words, and the device that it is about."""


def classes() -> tuple[dict[str, str], ...]:
    """The rows of `classes.csv`."""
    return rows_in("analysis.rules.alerts", "classes")


def _register(row: dict[str, str]) -> None:
    about = frozenset(row["classes"].split("; "))

    def of_class(view: View, alerts: Frame) -> Iterator[Evidence]:
        """One verdict for each device and code; one for the alerts of other classes."""
        for (device, code), part in alerts.groupby(["originator", "alert_code"], sort=False, dropna=False):
            known = alert_code(int(code))
            if (known.about if known else "") in about:
                yield _told(view, alerts, device, int(code), part)
        other = alerts[[_about(code) not in about for code in alerts["alert_code"]]]
        if len(other):
            yield kept(Subject.messages("alerts"), f"{len(other):,} of other kinds")

    mine = [one for one in alert_codes().values() if one.about in about]
    severity = "warning" if any(one.severity == "warning" for one in mine) else "info"
    rule(
        row["rule"], row["title"], finds=row["finds"], matters=row["matters"], advice=row["advice"],
        example=f"Electricity meter (90b3d5fffe0000a0): {_example(mine)}",
        family="compliance", area="alerts", severity=severity, confidence="derived", cause=row["cause"],
        source="alert codes of GBCS section 16 (dissectors/gbcs/tables/alert_codes.csv, source of each)",
        requires="an alert with its code", reads=[ROWS], smart_energy=True, covers=COVERS.get(row["rule"], ()),
        broken_by=f"planted: alerts of the kind {row['rule']}",
        kept_by="proving-exercise" if row["rule"] == "security-alert" else OTHERS,
    )(of_class)  # fmt: skip


def _about(code: int) -> str:
    known = alert_code(int(code))
    return known.about if known else ""


def _told(view: View, alerts: Frame, device: str, code: int, part: Frame) -> Evidence:
    known = alert_code(code)
    to = ", ".join(dict.fromkeys(_party(view, one) for one in part["recipient"]))
    often = "once" if len(part) == 1 else f"{len(part):,} times"
    frames = [frame for frames in part["frames"] for frame in frames]
    if known is None:
        return broken(party(device), f"alert {code:#06x} {often} to {to}", frames, "info")
    more = _holds(view, part["message"]) + _ended(alerts, device, known, part)
    text = _sentence(known, often, to, more)
    return broken(party(device), text, frames, known.severity)


def _holds(view: View, alerts: Frame) -> str:
    """What alerts with these numbers hold, in words: outcomes, and devices that they are about."""
    held = view.tables["items"]
    held = held[mask(held["message"].isin(alerts))]
    words: dict[str, None] = {}
    for name, value, result in zip(held["object"], held["value"], held["result"], strict=True):
        last = str(name).rpartition(".")[2]
        if last in WORDS and not missing(result):
            words[str(result)] = None
        elif last in DEVICES and not missing(value):
            words[f"of {_party(view, str(value))}"] = None
    return f": {', '.join(list(words)[:4])}" if words else ""


def _party(view: View, identifier: str) -> str:
    if missing(identifier):
        return "an unknown party"
    station = station_of(identifier)
    return str(identifier) if station is None else view.label(station)


def _ended(alerts: Frame, device: str, known: AlertCode, part: Frame) -> str:
    """What the alert that belongs to it said afterwards, where there was one."""
    pair = alert_code(known.paired_with) if known.paired_with is not None else None
    if pair is None:
        return ""
    others = alerts[mask(alerts["originator"] == device) & mask(alerts["alert_code"] == pair.code)]
    since = float(part["seconds"].max())
    later = others.loc[mask(others["seconds"] > since), "seconds"]
    return f'; then {pair.code:#06x} "{pair.name}" after {later.min() - since:,.0f} s' if len(later) else ""


def _sentence(known: AlertCode, often: str, to: str, ended: str = "") -> str:
    check = f"; to check: {known.check}" if known.check else ""
    about = {"": "", "other": "fault "}.get(known.about, f"{known.about} ")
    return f'{about}alert {known.code:#06x} "{known.name}" {often} to {to}{ended}{check}'


def _example(codes: list[AlertCode]) -> str:
    """The sentence of the gravest of some codes."""
    if not codes:
        return "alert 0xeeee once to Supplier"
    return _sentence(max(codes, key=lambda one: one.severity == "warning"), "once", "Supplier")


COVERS: dict[str, tuple[str, ...]] = {
    "security-alert": ("rules:G36", "rules:C05", "spec:R174", "attacks:A32")
}

for _row in classes():
    _register(_row)
