"""The terminal inspector (extra `tui`): packets, the tree of the chosen one, and its octets, linked."""
