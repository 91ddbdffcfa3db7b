"""The ZigBee stack of a simulated device: MAC, NWK, APS and ZCL, joining, keys, attributes, tunnels."""
