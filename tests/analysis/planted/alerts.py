"""Alerts of every kind, sent by the electricity meter."""

from collections.abc import Callable

from analysis.rules.alerts.meanings import classes
from dissectors.gbcs import alert_codes
from tests.analysis.planted.catalogue import plant
from tests.analysis.planted.messages import GENERIC, GENERIC_CRITICAL, Desk, alert
from tests.analysis.planted.recording import Recording

UNKNOWN = 0xEEEE


def codes_of(classes_of_rule: str) -> list[int]:
    """The codes of a rule's classes: those of the gravest severity."""
    about = classes_of_rule.split("; ")
    mine = [one for one in alert_codes().values() if one.about in about]
    return [one.code for one in mine if one.severity == "warning"] or [one.code for one in mine] or [UNKNOWN]


def of_kind(codes: list[int]) -> Callable[[Recording], None]:
    def raised(recording: Recording) -> None:
        desk = Desk(recording)
        for _ in range(recording.count(2)):
            code = recording.rng.choice(codes)
            known = alert_codes().get(code)
            critical = known is not None and known.critical != "no"
            desk.send(alert(desk, GENERIC_CRITICAL if critical else GENERIC, code), back=True)

    return raised


for row in classes():
    codes = codes_of(row["classes"])
    warns = any(one.severity == "warning" for one in alert_codes().values() if one.code in codes)
    plant(
        f"alerts of the kind {row['rule']}", row["rule"], base="hour", least="warning" if warns else "info"
    )(of_kind(codes))


@plant("every alert that there is", "power-alert", base="hour", strengths=(1.0,))
def every(recording: Recording) -> None:
    desk = Desk(recording)
    desk.at = recording.moment(0.1, 0.11)
    for one in alert_codes().values():
        desk.send(alert(desk, GENERIC if one.critical == "no" else GENERIC_CRITICAL, one.code), back=True)


@plant("one alert every two minutes", "alert-flood", base="evening")
def slow_storm(recording: Recording) -> None:
    desk = Desk(recording)
    desk.at = recording.moment(0.4, 0.45)
    for _ in range(20 + recording.count(10)):
        desk.send(alert(desk, GENERIC, 0x8155), back=True)
        desk.at = recording.quiet(desk.at + 120 * 10**9, 0.6)
