"""One radio frame, handed to the dissectors of the protocols that it shows."""
