"""What the frames mean: pandas frames, findings, reports, and the command line.

A person begins with `import hanscope as hs`; each room of this folder has a public face of its own. Names resolve on
first use. The modules that stood here before there were rooms answer to their old names, too: scripts hold on to them.
"""

from dissectors.modules import answer_to_former_names, public_names

_FORMER = {
    "keys": "keyfile keystore_files parties:remote_parties",
    "tables": "schema python_values batches output scribe:writer_thread text_output pandas_columns lazy",
    "pipeline": "source ahead:prefetch side_by_side:parallel decode session devices blocks columns rows payload_rows"
    " payloads conversations:dlms_streams certificates ceilings keytable windows",
    "features": "stations selection view change_points polls repeats judging inference completeness"
    " shut names",
    "rules": "profile compliance anomalies",
    "engine": "checking merging incidents provenance",
    "findings": "findings_output modifications waivers",
    "views": "tree filters statistics diff agreement:crosscheck tshark messages message_inputs",
    "cli": "console command_line verbs",
}
MOVED = {
    f"analysis.{former}": f"analysis.{room}.{now or former}"
    for room, names in _FORMER.items()
    for former, _, now in (name.partition(":") for name in names.split())
}
MOVED["analysis.api.html"] = "analysis.tables.html"
"""Former names of modules, and where they are now (after a colon: what they are called now)."""

__getattr__, __dir__, __all__ = public_names(
    __name__,
    {
        "api.captured": "Capture",
        "api.judged": "Findings",
        "api.keys": "Keys",
        "api.many": "fleet",
        "api.seen": "FoundFrame FoundMessage message",
        "api.several": "Captures open_captures",
        "api.simulated": "Simulation simulate",
    },
)
answer_to_former_names(MOVED)
