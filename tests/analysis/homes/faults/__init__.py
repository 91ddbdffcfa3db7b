"""What goes wrong in homes of `tests.analysis.homes`: lived by their devices, so that numbers and counters go on as they do
on the air, and not put into a capture afterwards. Families are those of what a field engineer is called for."""
