"""From one service data unit to all that is inside: nested, ciphered, signed and split APDUs, named values.

Order of decoding (facts: report.md section 2): the carrier joined its segments already; here come
general-block-transfer, ciphering, service data blocks, Data.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from dissectors.dlms.apdu.access import check_counts
from dissectors.dlms.apdu.acse import ber_content, mechanism_name
from dissectors.dlms.apdu.general import Ciphered
from dissectors.dlms.apdu.layouts import Apdu, read_whole_apdu
from dissectors.dlms.apdu.references import DataPart, TypedDateTime
from dissectors.dlms.association import Association, Blocks
from dissectors.dlms.cosem.data import TYPE_NAMES, Node
from dissectors.dlms.decoding.blocks import block_of, block_values
from dissectors.dlms.decoding.plaintext import read_nonconforming, read_plaintext
from dissectors.dlms.decoding.tree import LazyField, Tree
from dissectors.dlms.items.pairs import Pair, pairs_of
from dissectors.dlms.items.rows import Row, learn, row_of, tables_of
from dissectors.dlms.security.authentication import check_hls
from dissectors.dlms.security.opening import check_signature, open_apdu
from dissectors.layout.axdr import AxdrPart, Choice, Flagged, ReadPart, Sequence
from dissectors.model.errors import DissectionError, Malformed
from dissectors.model.field import Field, Issue, Severity
from dissectors.model.origins import Part

__all__ = ["ApduDecoder", "data_leaf"]

MAX_WRAPS = 8


def data_leaf(node: Node) -> dict[str, Any]:
    """One leaf for the JSON form: type name and value."""
    value = node[1].json if node[0] == 19 else node[1]
    return {"type": TYPE_NAMES[node[0]], "value": value}


def data_nodes(parts: list[ReadPart]) -> list[Node]:
    """The values among the parts, in order: every Data but the parameters of selective access."""
    out: list[Node] = []
    for element, value, _, _ in parts:
        if element.carries_data:
            _collect(element, value, out)
    return out


def _collect(element: AxdrPart, value: Any, out: list[Node]) -> None:
    if isinstance(element, DataPart):
        out.append(value)
    elif isinstance(element, Flagged):
        if value is not None:
            _collect(value[0], value[1], out)
    elif isinstance(element, Sequence) and isinstance(element.part, DataPart):
        out += [part[1] for part in value]
    else:
        for part in value[1] if isinstance(element, Choice) else value:
            if part[0].carries_data:
                _collect(part[0], part[1], out)


def _leaves(node: Node, out: list[dict[str, Any]]) -> None:
    for item in node[1] if node[0] in (1, 2) else (node,):
        tag = item[0]
        if tag in (1, 2):
            _leaves(item, out)
        else:
            out.append({"type": TYPE_NAMES[tag], "value": item[1].json if tag == 19 else item[1]})


class ApduDecoder:
    """Collects what one message says while its APDUs are opened one after the other.

    Attributes:
        apdus: names, outermost first; security: a state for each ciphered one; signatures likewise.
        nodes: the Data values in order; rows: for the `items` table; named: the pairs behind
            them, by buffer; tables: profile buffers, object lists.
        saps: who sends and who gets, as the carrier says it: wPorts, upper HDLC addresses, STSAP and DTSAP, LSAPs.
        buffers: opened and reassembled octets by name.
        keep_names: name APDUs that broke half-way too, as captures do (a lone frame may be a middle segment).
    """

    def __init__(self, association: Association, direction: str = "") -> None:
        self.association = association
        self.direction = direction
        self.keep_names = False
        self.apdus: list[str] = []
        self.read: list[Apdu] = []
        self.security: list[str] = []
        self.signatures: list[str] = []
        self.authentication: list[str] = []
        self.system_title: bytes = b""
        self.saps: tuple[int | None, int | None] = (None, None)
        self.counter: int | None = None
        self.nodes: list[Node] = []
        self.rows: list[Row] = []
        self.named: list[tuple[str, list[Pair]]] = []
        self.tables: list[dict[str, Any]] = []
        self.issues: list[Issue] = []
        self.buffers: dict[str, bytes] = {}
        self.parents: dict[str, tuple[Part, ...]] = {}

    def issue(self, severity: Severity, layer: str, offset: int, text: str) -> None:
        """Note an issue."""
        self.issues.append(Issue(severity, layer, offset, text))

    @property
    def ends(self) -> tuple[int | None, int | None]:
        """The service access points of client and server; None where carrier or direction do not tell."""
        source, destination = self.saps
        if not self.direction:
            return None, None
        return (source, destination) if self.direction == "to-server" else (destination, source)

    @property
    def state(self) -> tuple[int, ...]:
        """How much was collected so far, for `restore`."""
        return len(self.buffers), *(len(part) for part in self._lists)

    def restore(self, state: tuple[int, ...]) -> None:
        """Forget what was collected since `state`."""
        for name in list(self.buffers)[state[0] :]:
            del self.buffers[name]
        for part, length in zip(self._lists, state[1:], strict=True):
            del part[length:]

    @property
    def _lists(self) -> tuple[list[Any], ...]:
        return (
            self.apdus,
            self.read,
            self.security,
            self.nodes,
            self.rows,
            self.tables,
            self.named,
            self.issues,
        )

    def add_buffer(self, kind: str, octets: bytes, *parts: Part) -> str:
        """Keep `octets`, which lie elsewhere at `parts`, under a new name: ``decrypted-0``, ``reassembled-0`` ..."""
        name = f"{kind}-{sum(key.startswith(kind) for key in self.buffers)}"
        self.buffers[name], self.parents[name] = octets, parts
        return name

    def unwrap(
        self, data: bytes, start: int, end: int, buffer: str = "message", depth: int = 0
    ) -> tuple[list[Tree], DissectionError | None]:
        """The tree of the APDU from `start` to `end`, and the error that stopped the reading, if any.

        Every octet of the span lies in a leaf either way.
        """
        if depth > MAX_WRAPS:
            error = Malformed(f"wrapped more than {MAX_WRAPS} times", layer="dlms.apdu", offset=start)
            return [_rest(data, start, end, buffer)], error
        failure: DissectionError | None = None
        apdu: Apdu | None
        try:
            apdu = read_whole_apdu(data, start, end)
        except DissectionError as error:
            failure = error.kept()
            apdu = error.partial
        if apdu is None:
            return [_rest(data, start, end, buffer)], failure
        salvaged = read_nonconforming(self, apdu, end, buffer) if failure is not None else None
        if salvaged is not None:
            return salvaged
        self.apdus.append(apdu.name)
        self.read.append(apdu)
        branch = LazyField(partial(apdu.field, buffer))
        trees: list[Tree] = [branch]
        if apdu.end < end:
            trees.append(_rest(data, apdu.end, end, buffer))
        if failure is None or apdu.tag not in (0xDB, 0xDC, 0xDD, 0xDF, 0xE0):
            inner = self._inside(apdu, branch, buffer, depth, failure is not None)
            failure = failure or inner
        return trees, failure

    def _inside(
        self, apdu: Apdu, branch: LazyField, buffer: str, depth: int, broken: bool
    ) -> DissectionError | None:
        if apdu.part("protected") is not None:
            return self._open(apdu, branch, buffer, depth)
        if apdu.tag in (0x60, 0x61, 0x62, 0x63):
            return self._acse(apdu, branch, buffer, depth)
        if apdu.tag == 0xDF:
            return self._signed(apdu, branch, buffer, depth)
        if apdu.tag == 0xE0:
            return self._general_block(apdu, branch, depth)
        if apdu.tag == 0x01 and depth and apdu.parts and apdu.parts[0][1] is not None:
            self.association.learn_dedicated_key(apdu.parts[0][1][1])
        self._values(apdu, buffer)
        self._block(apdu, branch)
        if broken:
            return None
        return _cross_check(apdu)

    def _values(self, apdu: Apdu, buffer: str) -> None:
        self.nodes += data_nodes(apdu.parts)
        pairs = pairs_of(apdu, self.association)
        self.authentication += check_hls(apdu, pairs, self.association)
        self.add_pairs(pairs, buffer)
        if apdu.tag == 0x0F and isinstance(apdu.parts[1][1] if len(apdu.parts) > 1 else b"", TypedDateTime):
            text = "the date-time carries a Data type tag (09) where only its length belongs"
            self.issue("note", "dlms.apdu", apdu.parts[1][2], text)

    def add_pairs(self, pairs: list[Pair], buffer: str) -> None:
        """Make rows of pairs, and learn from them."""
        learn(pairs, self.association)
        if pairs:
            self.named.append((buffer, pairs))
        for pair in pairs:
            self.rows.append(row_of(pair, self.association))
            table = tables_of(pair, self.association)
            if table is not None:
                self.tables.append(table)

    def _open(self, apdu: Apdu, branch: LazyField, buffer: str, depth: int) -> DissectionError | None:
        association = self.association
        part = apdu.part("protected")
        assert part is not None
        ciphered: Ciphered = part[1]
        title = next((p[1] for p in apdu.parts if p[0].name in _TITLES and len(p[1]) == 8), b"")
        if title:
            association.learn_title(title, self.direction)
        opened = open_apdu(apdu, association.keys, association.titles_for(self.direction))
        self.security.append(opened.state)
        self.system_title = self.system_title or title or opened.title
        self.counter = ciphered.counter if self.counter is None else self.counter
        self._count(apdu, ciphered, title or opened.title)
        if opened.state != "ok":
            severity: Severity = "note" if opened.state in ("no_key", "none") else "warning"
            self.issue(severity, "dlms.security", part[2], f"{apdu.name}: {opened.text}")
        elif opened.foreign:
            self.issue("note", "dlms.security", part[2], f"{apdu.name}: {opened.text}")
        if not opened.plaintext:
            return None
        start = part[3] - len(ciphered.tag) - len(ciphered.payload)
        place = Part(0, len(ciphered.payload), buffer, start, True)
        if ciphered.control & 0x80:
            text = "the payload is compressed (V.44), which is not read"
            self.issue("warning", "dlms.security", part[2], text)
            name = self.add_buffer("decrypted", opened.plaintext, place)
            branch.below.append(_rest(opened.plaintext, 0, len(opened.plaintext), name))
            return None
        if not ciphered.control & 0x20:
            return self._in_place(apdu, branch, start, start + len(ciphered.payload), buffer, depth)
        name = self.add_buffer("decrypted", opened.plaintext, place)
        fields, error = read_plaintext(self, opened.plaintext, name, depth)
        branch.below += fields
        return error

    def _in_place(
        self, apdu: Apdu, branch: LazyField, start: int, end: int, buffer: str, depth: int
    ) -> DissectionError | None:
        """Unwrap a part that stands readable inside `apdu`; its tree goes below the leaf that covers it."""
        trees, error = self.unwrap(apdu.data, start, end, buffer, depth + 1)
        if end > start:
            branch.inside.append((start, end, buffer, trees))
        return error

    def _count(self, apdu: Apdu, ciphered: Ciphered, title: bytes) -> None:
        control = ciphered.control
        dedicated = apdu.name.startswith(("ded-", "general-ded"))
        kind = "dedicated" if dedicated else "broadcast" if control & 0x40 else "global"
        sender = title or self.direction.encode()
        octets = bytes((control,)) + ciphered.payload + ciphered.tag
        offset = apdu.parts[-1][2]
        self.issues += self.association.counters.observe(sender, kind, ciphered.counter, octets, offset)

    def _signed(self, apdu: Apdu, branch: LazyField, buffer: str, depth: int) -> DissectionError | None:
        state = check_signature(apdu, self.association.keys)
        self.signatures.append(state)
        if state == "invalid":
            self.issue("error", "dlms.security", apdu.parts[-1][2], "the signature is not valid")
        title = apdu.parts[1][1]
        self.association.learn_title(title, self.direction)
        self.system_title = self.system_title or title
        part = apdu.part("content")
        assert part is not None
        start = part[3] - len(part[1])
        if not part[1]:
            return None
        return self._in_place(apdu, branch, start, part[3], buffer, depth)

    def _acse(self, apdu: Apdu, branch: LazyField, buffer: str, depth: int) -> DissectionError | None:
        association = self.association
        direction = "to-server" if apdu.tag in (0x60, 0x62) else "to-client"
        self.direction = self.direction or direction
        names = getattr(apdu.parts[0][0], "labels", {}) if apdu.parts else {}
        error = None
        for tag, octets, _, content, end in apdu.parts[0][1] if apdu.parts else []:
            name = names.get(tag, "")
            if name in ("calling_ap_title", "responding_ap_title"):
                title = ber_content(octets)
                association.learn_title(title, direction)
                self.system_title = self.system_title or title
            elif name == "mechanism_name":
                association.mechanism = mechanism_name(octets)
            elif name.endswith("authentication_value"):
                association.challenges[direction] = ber_content(octets)
            elif name == "user_information":
                inner = ber_content(octets)
                if inner is octets:
                    text = "user information is not one octet string"
                    return Malformed(text, layer="dlms.acse", offset=content)
                if inner:
                    error = self._in_place(apdu, branch, end - len(inner), end, buffer, depth)
        return error

    def _general_block(self, apdu: Apdu, branch: LazyField, depth: int) -> DissectionError | None:
        control, number, _, octets = (part[1] for part in apdu.parts)
        last = bool(control & 0x80)
        if not octets and not last:
            return None
        key = ("general-block-transfer", self.direction, 0)
        transfers = self.association.transfers
        blocks = transfers.get(key)
        if blocks is None or (number == 1 and blocks.parts.get(1, octets) != octets):
            transfers[key] = blocks = Blocks()
        if not blocks.add(number, octets, last):
            self.issue("error", "dlms.blocks", apdu.start, "block transfer too large, dropped")
        whole = blocks.whole
        if whole is None:
            return None
        del transfers[key]
        name = self.add_buffer("reassembled", whole)
        fields, error = self.unwrap(whole, 0, len(whole), name, depth + 1)
        branch.below += fields
        if error is not None:
            self.issue("error", error.layer, error.offset, f"in the reassembled APDU: {error.text}")
        return None

    def _block(self, apdu: Apdu, branch: LazyField) -> None:
        """A block of a GET, SET, ACTION, read or write; with the last one the whole value is read."""
        block = block_of(apdu)
        if block is None:
            return
        key = (block.service, self.direction, block.invoke)
        transfers = self.association.transfers
        blocks = transfers.get(key)
        first = block.number <= 1
        if blocks is None or (first and blocks.parts.get(block.number, block.octets) != block.octets):
            transfers[key] = blocks = Blocks()
        if block.detail is not None:
            blocks.detail = block.detail
        if not blocks.add(block.number, block.octets, block.last):
            self.issue("error", "dlms.blocks", apdu.start, "block transfer too large, dropped")
        whole = blocks.whole
        if whole is None:
            return
        del transfers[key]
        name = self.add_buffer("reassembled", whole)
        request = self.association.requests.get(block.invoke)
        fields, pairs, nodes, error = block_values(block.service, whole, name, blocks.detail, request)
        branch.below += fields
        self.nodes += nodes
        self.add_pairs(pairs, name)
        if error is not None:
            self.issue("error", error.layer, error.offset, f"in the reassembled value: {error.text}")

    def unfinished(self) -> None:
        """Note the transfers of which blocks are missing: for messages that stand alone."""
        for (service, _, _), blocks in self.association.transfers.items():
            missing = ", ".join(map(str, blocks.missing[:8]))
            text = f"blocks {missing} are missing" if missing else "the last block has not come"
            self.issue("note", "dlms.blocks", 0, f"{service}: {text}")

    @property
    def leaves(self) -> list[dict[str, Any]]:
        """The leaves of all Data for the JSON form."""
        out: list[dict[str, Any]] = []
        for node in self.nodes:
            _leaves(node, out)
        return out


_TITLES = ("system_title", "originator_system_title")


def _rest(data: bytes, start: int, end: int, buffer: str) -> Field:
    return Field("unread", data[start:end], None, start, end - start, buffer)


def _cross_check(apdu: Apdu) -> DissectionError | None:
    """Lists that must pair up: of access services, and of every request with a list of values."""
    if apdu.tag in (0xD9, 0xDA):
        return check_counts(apdu.tag, apdu.parts)
    counts = {
        part[0].name: len(part[1])
        for part in apdu.parts
        if part[0].name in ("attributes", "methods", "variables", "values") and isinstance(part[0], Sequence)
    }
    if "values" in counts and len(set(counts.values())) > 1:
        text = ", ".join(f"{count} {name}" for name, count in counts.items())
        return Malformed(f"lists differ in length: {text}", layer="dlms.apdu", offset=apdu.start)
    return None
