"""Clusters whose commands belong together: tunnels, key establishment, firmware downloads."""
