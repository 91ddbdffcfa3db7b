"""Links between neighbours: missing acknowledgements, retries, copies, weak signals. What the sniffer did not hear is
told apart from what was not sent as far as that can be done."""
