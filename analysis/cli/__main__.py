"""``python -m analysis.cli``."""

from analysis.cli.program import run

run()
