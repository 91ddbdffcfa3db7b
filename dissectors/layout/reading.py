"""The dissection of one frame while it is under way: where the layers put what they read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from dissectors.layout import Layer, Octets
from dissectors.model.context import HanContext
from dissectors.model.cursor import Cursor
from dissectors.model.field import Field, Issue, Severity
from dissectors.model.frame import Dissection, RawFrame
from dissectors.model.origins import Origin, Part

__all__ = ["Ciphertext", "CommandSet", "Mic", "Payload", "Reading", "command_rows", "read_command"]


class Payload(Layer):
    """Octets that no layer reads."""

    name = "Payload"
    title = "payload"
    parts = [Octets("payload")]


class Ciphertext(Layer):
    name = "Encrypted"
    title = "ciphertext"
    parts = [Octets("ciphertext", names=lambda v: "encrypted")]


class Mic(Layer):
    name = "MIC"
    title = "integrity"
    parts = [Octets("mic", names=lambda v: f"{8 * len(v)}-bit message integrity code")]


@dataclass(slots=True, eq=False, repr=False)
class Reading:
    """One frame on its way up the layers.

    Attributes:
        trusted: the frame arrived whole, as far as its check sequence tells; only then may anything be learnt from it.
        pan, sender_short, sender_eui64: PAN and MAC source of the frame, None where it has none.
        source, destination: EUI-64 of the NWK source and destination, where known.
        tunnelled: an APS Tunnel command has been opened already.
        rows_only: only columns and rows of tables are wanted: no tree of fields, no layers.
        origins: where the APS payload came in fragments, which frames carried which octets of it.
    """

    raw: RawFrame
    context: HanContext
    out: Dissection
    trusted: bool = True
    pan: int | None = None
    sender_short: int | None = None
    sender_eui64: int | None = None
    receiver_short: int | None = None
    receiver_eui64: int | None = None
    mac_seq: int | None = None
    mac_version: int = 0
    source: int | None = None
    destination: int | None = None
    nwk_src: int | None = None
    nwk_dst: int | None = None
    nwk_seq: int | None = None
    tunnelled: bool = False
    rows_only: bool = False
    origins: tuple[Origin, ...] = ()

    def cursor(self, buffer: str, layer: str) -> Cursor:
        """A cursor over the whole of `buffer`."""
        return Cursor(self.out.buffers[buffer], layer=layer)

    def open_buffer(self, octets: bytes, parent: str, offset: int) -> str:
        """Keep decrypted octets as a buffer of their own, whose ciphertext begins at `offset` in `parent`; its name."""
        name = f"decrypted-{len(self.out.buffers) - 1}"
        self.out.buffers[name] = octets
        sealed = self.out.buffers[parent][offset : offset + len(octets)] != octets
        self.out.parents[name] = (Part(0, len(octets), parent, offset, sealed),)
        return name

    def put(
        self, layer: Layer, buffer: str, into: Field | None = None, name: str = "", meaning: str | None = ""
    ) -> Field:
        """Show `layer` as a branch of its own, or as part of `into`; report its issues."""
        self.out.issues.extend(layer.issues())
        if self.rows_only:
            return Field(name)
        branch = layer.tree(buffer, name, meaning)
        self.out.layers.append((buffer, layer))
        if into is None:
            self.out.fields.append(branch)
        else:
            into.children += [branch]
            into.length = max(into.end, branch.end) - into.offset
        return branch

    def put_octets(
        self,
        cursor: Cursor,
        buffer: str,
        into: Field,
        kind: type[Layer] = Payload,
        count: int | None = None,
        meaning: str | None = None,
    ) -> None:
        """Show the next `count` octets (all that are left: None) as one leaf; nothing when there are none.

        `meaning` is that of a `Payload`; the other kinds say by themselves what they are.
        """
        end = cursor.end if count is None else cursor.offset + count
        if self.rows_only:
            cursor.offset = min(end, cursor.end)
            return
        part = Cursor(cursor.data, cursor.offset, end, layer=cursor.layer)
        if not part.remaining:
            return
        layer = kind.read(part)
        cursor.offset = part.offset
        self.out.layers.append((buffer, layer))
        leaf = layer.tree(buffer).children[0]
        if kind is Payload:
            leaf.meaning = meaning
        into.children += [leaf]
        into.length = max(into.end, leaf.end) - into.offset

    def put_unread(self, cursor: Cursor, buffer: str, into: Field, text: str) -> None:
        """Show what is left as octets without a meaning, and say why."""
        if cursor.remaining:
            self.issue("note", cursor.layer, cursor.offset, text)
            self.put_octets(cursor, buffer, into)

    def issue(self, severity: Severity, layer: str, offset: int, text: str) -> None:
        """Report something."""
        self.out.issues.append(Issue(severity, layer, offset, text))

    def set_summary(self, protocol: str, summary: str) -> None:
        """Name the innermost protocol so far, and what the frame says in a line without numbers."""
        self.out.columns["protocol"] = protocol
        self.out.columns["summary"] = summary

    def retransmission_mark(self) -> int:
        """What a frame that its sender repeats has in common with the first time, besides its octets.

        A unicast repeated by the MAC keeps its MAC sequence number; a broadcast is repeated by the NWK layer,
        as a new MAC frame.
        """
        broadcast = self.receiver_short == 0xFFFF
        return 0x100 if broadcast else self.mac_seq or 0

    def set_not_opened(self, layer: str, reason: str) -> None:
        """Why `layer` (``"mac"``, ``"nwk"``, ``"aps"``) stays shut; of the frame, the first reason stands."""
        self.set_security_reason(layer, reason)
        if self.out.shut_reason is None:
            self.out.shut_reason = reason

    def set_security_reason(self, layer: str, reason: str) -> None:
        """Why the security of `layer` is not ``ok``, whether or not the layer could be read."""
        self.out.columns[f"{layer}_reason"] = reason


def command_rows(
    reading: Reading, layer_name: str, command: int, name: str, layer: Layer, **more: Any
) -> Iterator[dict[str, Any]]:
    """One row of the commands table for every field of a MAC, NWK, APS or ZDP command; keys never show."""
    if "commands" in reading.out.unwanted:
        return
    sources = (reading.source, reading.nwk_src, reading.sender_eui64, reading.sender_short)
    targets = (reading.destination, reading.nwk_dst, reading.receiver_eui64, reading.receiver_short)
    common = {
        "layer": layer_name,
        "source": next((a for a in sources if a is not None), None),
        "destination": next((a for a in targets if a is not None), None),
        "command": command,
        "command_name": name,
        **more,
    }
    leaves = [f for f in layer.tree().leaves() if f.name not in ("mic", "command")]
    if not leaves:
        yield common
    for leaf in leaves:
        value = leaf.value
        number = float(value) if isinstance(value, int) else None
        text = "" if leaf.secret else value.hex() if isinstance(value, bytes) else str(value)
        yield common | {"field": leaf.name, "value": text, "number": number, "meaning": leaf.meaning or None}


class CommandSet(NamedTuple):
    """The commands of one protocol layer.

    Attributes:
        layer: as columns call it, ``nwk``.
        protocol: as people call it, ``ZigBee NWK``; `word` is the last of it.
        identifier: reads the command identifier, its part ``command``.
        names, commands: what each is called, and reads its fields.
        carriers: those behind whose fields another layer follows.
    """

    layer: str
    protocol: str
    identifier: type[Layer]
    names: Mapping[int, str]
    commands: Mapping[int, type[Layer]]
    carriers: tuple[int, ...] = ()

    @property
    def word(self) -> str:
        return self.protocol.rpartition(" ")[2]


def read_command(
    reading: Reading, known: CommandSet, cursor: Cursor, buffer: str, into: Field | None
) -> tuple[int, Layer, Field] | None:
    """Read a command to the end of its fields, put its tree and rows; None where there is none, or no table has it.

    Returns:
        Its identifier, its fields, and the branch that they are in.
    """
    identifier = known.identifier.read(cursor)
    branch = reading.put(identifier, buffer, into)
    command = identifier.get("command")
    if command is None:
        reading.set_summary(known.protocol, "Truncated frame")
        return None
    reading.out.columns[f"{known.layer}_command"] = command
    name = known.names.get(command)
    reading.set_summary(known.protocol, name or f"Unknown {known.word} command")
    kind = known.commands.get(command)
    if kind is None:
        reading.put_unread(cursor, buffer, branch, f"{known.word} command without a table")
        return None
    layer = kind.read(cursor)
    if command not in known.carriers or layer.error is not None:
        layer.reject_trailing(cursor)
    reading.put(layer, buffer, branch)
    reading.out.commands.extend(command_rows(reading, known.layer, command, name or "", layer))
    return command, layer, branch
