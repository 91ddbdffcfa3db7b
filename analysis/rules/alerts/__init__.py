"""Alerts of devices: what they say of themselves, and which of their events are for a log only."""
