"""Who is who, and stays so: the hub behind address 0x0000, the network key that each device uses, whose certificates
parties have, firmware versions, top-up codes."""
