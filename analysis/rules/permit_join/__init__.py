"""Networks that are open to join, and who looks for them."""
