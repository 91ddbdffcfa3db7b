"""The devices of a simulated home: what they hold, what they do all day, how they come into the network."""
