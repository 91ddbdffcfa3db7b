"""Octets as text: what people paste, and what can be shown of octets that others chose."""
