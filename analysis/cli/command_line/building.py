"""The verb that makes messages; what it takes, and which function does it."""

from __future__ import annotations

from typing import Annotated

from analysis.cli.command_line.options import Argument, KeysOption, Option, keyring
from analysis.cli.command_line.registry import verb


@verb(
    "build",
    "hanscope build ECS52 originator=Supplier recipient=Electricity\\ meter --keys keys.toml",
    "hanscope build ECS17b response counter=1001 --keys keys.toml --as gfi",
    "hanscope message DD0000... --json --reveal | hanscope build - originator_counter=7 --keys keys.toml",
    "hanscope build ECS02 --list",
)
def build(
    what: Annotated[
        str, Argument(metavar="USECASE|FILE|-", help="Use case or message code; JSON of `message --json`.")
    ],
    values: Annotated[
        list[str] | None,
        Argument(metavar="FIELD=VALUE...", help="Header and payload; command, response or alert."),
    ] = None,
    keys: KeysOption = None,
    form: Annotated[str, Option("--as", metavar="FORM", help="hex, base64 or gfi.")] = "hex",
    out: Annotated[
        str,
        Option("--out", "-o", metavar="FILE", help="Into a file; .pcap or .pcapng: frames that carry it."),
    ] = "",
    list_: Annotated[bool, Option("--list", help="The values that a use case has.")] = False,
    as_json: Annotated[bool, Option("--json", help="The list as JSON.")] = False,
) -> int:
    """A message from its values or its JSON form, signed and authenticated with the keys that are held."""
    from analysis.cli.verbs import build as run

    return run.run(what, values or (), keyring(keys), form=form, out=out, list_=list_, as_json=as_json)
