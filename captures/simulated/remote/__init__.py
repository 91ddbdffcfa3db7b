"""The far side of the hub: remote parties, their keys and certificates, and the GBCS messages they exchange."""
