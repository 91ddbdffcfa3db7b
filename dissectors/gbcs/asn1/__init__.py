"""DER of GBCS: read, shown and built by shapes that are written like the ASN.1."""
