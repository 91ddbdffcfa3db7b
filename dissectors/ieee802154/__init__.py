"""IEEE 802.15.4: the MAC frame, its commands, information elements and security."""
