"""The fixed structures of capture files, each declared once: what parses them also builds them.

Sources: draft-ietf-opsawg-pcap, draft-ietf-opsawg-pcapng. Bulk reading does not pass through here.
"""

from captures.structure import Structure

__all__ = [
    "INTERFACE", "NAME", "PCAP_FILE_HEADER", "SECRETS", "SECTION_HEADER", "ZIGBEE_APS_SECRET", "ZIGBEE_NETWORK_SECRET",
]  # fmt: skip

PCAP_FILE_HEADER = Structure(
    lambda c: c.Struct(
        "magic" / c.Default(c.Int32ul, 0xA1B23C4D),
        "major" / c.Default(c.Int16ul, 2),
        "minor" / c.Default(c.Int16ul, 4),
        "zone" / c.Default(c.Int32ul, 0),
        "accuracy" / c.Default(c.Int32ul, 0),
        "snap_length" / c.Default(c.Int32ul, 262_144),
        "link_type" / c.Int32ul,
    )
)
OPTION = Structure(
    lambda c: c.Struct(
        "code" / c.Int16ul,
        "length" / c.Rebuild(c.Int16ul, c.len_(c.this.value)),
        "value" / c.Aligned(4, c.Bytes(c.this.length)),
    )
)
SECTION_HEADER = Structure(
    lambda c: c.Struct(
        "byte_order" / c.Const(0x1A2B3C4D, c.Int32ul),
        "major" / c.Default(c.Int16ul, 1),
        "minor" / c.Default(c.Int16ul, 0),
        "section_length" / c.Default(c.Int64ul, 0xFFFF_FFFF_FFFF_FFFF),
        "options" / c.GreedyRange(OPTION.declared),
    )
)
INTERFACE = Structure(
    lambda c: c.Struct(
        "link_type" / c.Int16ul,
        "reserved" / c.Default(c.Int16ul, 0),
        "snap_length" / c.Default(c.Int32ul, 0),
        "options" / c.GreedyRange(OPTION.declared),
    )
)
SECRETS = Structure(
    lambda c: c.Struct(
        "type" / c.Int32ul,
        "length" / c.Rebuild(c.Int32ul, c.len_(c.this.secrets)),
        "secrets" / c.Aligned(4, c.Bytes(c.this.length)),
    )
)
NAME = Structure(
    lambda c: c.Struct(
        "type" / c.Int16ul,
        "length" / c.Rebuild(c.Int16ul, c.len_(c.this.value)),
        "value" / c.Aligned(4, c.Bytes(c.this.length)),
    )
)
ZIGBEE_NETWORK_SECRET = Structure(lambda c: c.Struct("key" / c.Bytes(16), "pan" / c.Int16ul))
ZIGBEE_APS_SECRET = Structure(
    lambda c: c.Struct("key" / c.Bytes(16), "pan" / c.Int16ul, "lower" / c.Int16ul, "higher" / c.Int16ul)
)
