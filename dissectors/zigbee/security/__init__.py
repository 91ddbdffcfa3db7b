"""Security of the ZigBee NWK and APS layers, of one frame and of many: candidates, opening, verdicts, sealing."""
