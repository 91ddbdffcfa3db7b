"""Requests that get no answer, or get it late: what the exchanges of the capture tell, as far as the sniffer may not have
missed it."""
