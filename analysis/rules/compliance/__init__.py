"""Rules of what a standard requires; a rule is one small function from frames to evidence."""
