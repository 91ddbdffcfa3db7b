"""What carries DLMS: HDLC, the wrapper, M-Bus, P1 telegrams, packets; joined where it was split."""
