"""Acme's clusters, as CSV."""
