"""What Acme's devices say: a cluster, a rule, a sniffer, a chapter of the report, a verb."""
