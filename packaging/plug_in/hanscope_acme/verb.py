"""A verb: `hanscope acme CAPTURE`. What it takes is declared; help, completion and the page of man are made from it."""

from analysis.cli import console
from analysis.cli.command_line.options import CaptureArgument, KeysOption
from analysis.cli.command_line.registry import verb


@verb("acme", "hanscope acme han.pcapng", "hanscope acme han.pcapng --keys keys.toml")
def acme(capture: CaptureArgument, keys: KeysOption = None) -> int:
    """How often each of Acme's commands was heard."""
    import hanscope as hs

    packets = hs.open(capture, keys=keys).where("aps_cluster == 0xfd33")
    for name, count in packets.groupby("summary").size().items():
        console.put(f"{count:6} {name}")
    return console.OK
