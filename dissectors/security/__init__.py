"""Security of every layer: which keys come into question, which have proved to be right, frame counters, verdicts."""
