"""A chapter of the report."""

from analysis.report.plugged import Chapter


def chapter(overview, devices, result):
    """Which devices there are, and what of Acme was found; what stands in it is escaped by the report."""
    found = [one for one in result.findings if one.rule == "acme-lid-open"] if result else []
    rows = [(one.device, one.evidence) for one in found]
    return Chapter("Acme", f"{len(devices)} devices, {overview['frames']} frames.", ("Device", "Lid"), rows)
