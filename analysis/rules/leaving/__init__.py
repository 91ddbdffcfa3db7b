"""Who leaves the network, and who tells others to: the NWK Leave command, and the MAC disassociation that ZigBee does
not use."""
