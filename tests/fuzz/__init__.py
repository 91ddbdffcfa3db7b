"""Fuzzing that stays: `python -m tests.fuzz --help`; see docs/reliability.md."""
