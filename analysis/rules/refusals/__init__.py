"""Refusals: who refused what of whom, the status in words, what follows for people, and what to do. Once informs; again
and again, or of a command that matters, warns."""
