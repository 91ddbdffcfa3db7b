"""Capture file formats, one file each; `open_records` finds the one that a source is in."""
