"""What the octets say: from the 802.15.4 frame to the last COSEM value. No I/O of any kind in here."""
