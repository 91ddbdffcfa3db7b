"""From the octets of a carrier to all APDUs inside: opened, joined, shown as a tree."""
