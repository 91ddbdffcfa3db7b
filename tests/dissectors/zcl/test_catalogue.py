"""The tables hold together: every name a table uses exists in another."""

from dissectors.zcl import catalogue


def test_known_entries() -> None:
    assert catalogue.cluster(0x0702).name == "Metering"
    found = catalogue.attribute(0x0702, "server", 0x0000)
    assert found is not None and (found.name, found.type.name) == ("CurrentSummationDelivered", "uint48")
    publish = catalogue.command(0x0700, "to-client", 0x00)
    assert publish is not None and publish.name == "Publish Price" and len(publish.fields) == 24
    assert catalogue.attribute(0x0702, "server", 0xFFFD).name == "ClusterRevision"  # type: ignore[union-attr]
    assert catalogue.cluster(0xABCD).name == "Cluster 0xABCD"
    assert catalogue.data_type(0x25).invalid == 0xFFFFFFFFFFFF  # type: ignore[union-attr]


def test_every_meaning_and_struct_that_a_table_names_exists() -> None:
    missing = set()
    for command in catalogue.commands():
        for spec in command.fields + tuple(s for _, specs in command.others for s in specs):
            if spec.meaning and catalogue.meaning(spec.meaning) is None:
                missing.add((command.name, spec.name, spec.meaning))
            if spec.type.startswith("struct:"):
                assert catalogue.struct(spec.type[7:])
    for found in catalogue.attributes():
        if found.meaning and catalogue.meaning(found.meaning) is None and found.meaning != "UtcSeconds":
            missing.add((found.name, found.meaning))
    for found_meaning in catalogue.meanings():
        missing |= {
            (found_meaning.name, p) for p in found_meaning.parts.values() if catalogue.meaning(p) is None
        }
    assert not missing


def test_tables_hold_the_clusters_of_the_smart_energy_profile() -> None:
    assert len(catalogue.clusters()) >= 117
    assert len(catalogue.commands()) >= 608
    se = {c.id for c in catalogue.clusters() if c.domain == "SE"}
    assert se >= {0x0025, *range(0x0700, 0x070C), 0x070D}
