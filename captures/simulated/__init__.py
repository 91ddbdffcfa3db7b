"""The HAN that we run ourselves: a home whose frames are real in every octet, with ground truth beside them.

Its rooms, each of which uses only those before it: `air` (clock, chance, medium, sniffers, truth), `stack` (ZigBee from
MAC to ZCL), `devices`, `remote` (parties and their GBCS messages), `faults`, `scenarios` (and what is left of them). The
modules that stood here before there were rooms answer to their old names, too.
"""

from dissectors.modules import answer_to_former_names

_FORMER = {
    "air": "medium profile",
    "stack": "attributes discovery joining key_establishment node tunnels",
    "devices": "han hand_held home metering",
    "remote": "alerts answers dcc smki",
    "scenarios": "exercise keyfile recording samples",
}
MOVED = {
    **{
        f"captures.simulated.{name}": f"captures.simulated.{room}.{name}"
        for room, names in _FORMER.items()
        for name in names.split()
    },
    "captures.simulated.business": "captures.simulated.remote.gbcs_flows",
    "captures.simulated.life": "captures.simulated.devices.behaviour",
    "captures.simulated.stories": "captures.simulated.scenarios.scenario_steps",
}
"""Former names of modules, and where they are now."""

answer_to_former_names(MOVED)
