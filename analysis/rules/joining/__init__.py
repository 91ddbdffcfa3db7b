"""Devices that join: floods of strangers, joins in the name of others, joins that do not work. A joiner asks a parent to
associate (MAC), is given a short address, and is sent the network key under its own link key."""
