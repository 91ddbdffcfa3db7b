"""Devices that lost their parent: orphan notifications, coordinator realignments, rejoins. Who forges them, and who
cannot get back in."""
