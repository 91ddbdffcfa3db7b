"""The air of the simulated home: parameters, clock, chance, radio medium, sniffers, and the truth of what is said."""
