"""Homes of another make than the simulator's: other vendors, other timing, other recordings, by code of its own."""
