"""Use cases of GBCS: their codes and names, and the COSEM objects that each speaks of."""
