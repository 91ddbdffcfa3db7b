"""Rules of what nobody requires and nobody wants: attacks, faults, departures from the usual."""
