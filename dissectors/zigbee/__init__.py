"""ZigBee: NWK, APS, ZDP, inter-PAN, Green Power headers, and their security."""
