"""Faults planted in clean captures by other code than the simulated HAN's, to try the rules on what they do not know."""
