"""`hanscope plug-ins`: what other packages bring."""

from __future__ import annotations

from importlib import metadata

from analysis.cli import console
from captures.plug_ins import load_clusters
from dissectors.modules import GROUPS, loaded

__all__ = ["run"]


def run(*, as_json: bool) -> int:
    """List the plug-ins, each of them loaded; see `hanscope plug-ins --help`."""
    load_clusters()
    rows = []
    for group in GROUPS:
        for one in sorted(metadata.entry_points(group=group), key=lambda one: one.name):
            loaded(one)
            brought = (one.dist.name, one.dist.version) if one.dist else ("", "")
            rows.append({"group": group, "name": one.name, "package": brought[0], "version": brought[1]})
    if as_json:
        console.put_json(rows)
        return console.OK
    for row in rows:
        console.put(f"{row['group']:18} {row['name']:20} {row['package']} {row['version']}")
    if not rows:
        console.say("no plug-ins are installed (docs/plug_ins.md)")
    return console.OK
