"""Where frames come from: files, sniffers, and the simulated home area network."""
