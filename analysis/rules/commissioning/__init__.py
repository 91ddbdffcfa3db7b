"""Installation: the steps that a device goes through once it has joined, which of them failed, and which never came."""
