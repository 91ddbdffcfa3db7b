"""Devices, routers and whole networks that fall silent and come back: each pause against the habit of the device itself,
and against what the sniffer may not have heard."""
