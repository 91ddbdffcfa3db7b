"""The fuzz target is run by hand and needs atheris."""

collect_ignore = ["fuzz_dlms.py"]
