"""A rule about Acme's cluster; docs/writing_rules.md tells of the language."""

from analysis.rules.declare import EachDevice, Field, c, declare

declare(
    id="acme-lid-open",
    title="The lid of a meter stood open",
    finds="Lid Reports of Acme's cluster that tell of an open lid.",
    matters="Who opens a meter can reach its terminals.",
    example="Electricity meter (90b3d5fffe0000a0): 3 reports of an open lid (from frame 1 to 3)",
    source="Acme's description of cluster 0xFD33",
    advice="Ask who was there",
    family="anomaly",
    area="acme",
    severity="warning",
    confidence="text",
    cause="tamper",
    requires="Lid Reports of Acme's cluster",
    judge=EachDevice(
        Field("Acme Lid", "to-client", "Lid Report", "state"), c.number == 1, "{bad} of an open lid"
    ),
)
