"""Tunnels (Tunneling cluster, 0x0704): who opens them, how many, refusals, renewal. The GBCS messages of a home travel
in them."""
