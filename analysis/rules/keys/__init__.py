"""Keys on their way, and keys in use: how they are given to a device, and under which of them data travels."""
