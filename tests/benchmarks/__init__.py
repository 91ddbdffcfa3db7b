"""How fast the column path is, beside its rivals: ``python -m tests.benchmarks``."""
