"""What the frames mean: pandas frames, findings, reports, and the command line."""
