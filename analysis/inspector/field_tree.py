"""The tree of the chosen packet: its record, its layers, and the messages that it carried a part of."""

from __future__ import annotations

from typing import Any, ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.widgets import Tree
from textual.widgets.tree import TreeNode

from analysis.pipeline.kept import KeptMessage
from analysis.views.message_tree import carried_lines, carried_part, item_line, marked_fields
from analysis.views.octets import OctetMap
from analysis.views.shown import Shown
from analysis.views.tree import field_text
from dissectors import Field
from dissectors.text import printable

__all__ = ["FieldTree"]

VERDICTS = (("signature", ""), ("mac", "mac_reason"), ("trust", "trust_reason"))
"""Facts of a message that tell what was proved of it, each with the fact that says why."""


class FieldTree(Tree[Field]):
    """The tree of fields.

    Attributes:
        known: the octets of the packet that is shown.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "cursor_down", "down", show=False),
        Binding("k", "cursor_up", "up", show=False),
        Binding("h", "fold", "fold", show=False),
        Binding("l", "unfold", "unfold", show=False),
        Binding("g,home", "edge(False)", "first", show=False),
        Binding("G,end", "edge(True)", "last", show=False),
    ]

    def __init__(self, *, reveal: bool = False, **options: Any) -> None:
        super().__init__("frame", **options)
        self.reveal = reveal
        self.known = OctetMap()
        self._node_of: dict[int, TreeNode[Field]] = {}
        self._spans: dict[str, list[tuple[int, int]]] = {}

    def put(self, shown: Shown, known: OctetMap) -> None:
        """Show a packet, whose octets are `known`."""
        self.known, self._spans = known, {} if self.reveal else known.secrets()
        self._node_of = {}
        self.clear()
        for top in shown.record:
            self._grow(self.root, top, expand=False)
        for top in shown.dissection.fields:
            self._grow(self.root, top, spans=self._spans)
        for kept in shown.messages:
            self._put_message(kept, shown.number)
        if not shown.messages and shown.columns.get("message"):
            number = shown.columns["message"]
            self.root.add_leaf(Text(f"message {number}: hanscope show CAPTURE --message {number}"))
        self.root.expand()

    def choose(self, field: Field) -> None:
        """Move to the node of a field, and unfold what is around it."""
        node = self._node_of.get(id(field))
        if node is None:
            return
        around = node.parent
        while around is not None:
            around.expand()
            around = around.parent
        self.call_after_refresh(self.move_cursor, node)

    def _put_message(self, kept: KeptMessage, frame: int) -> None:
        message = kept.content
        summary = message.columns.get("summary") or message.kind
        branch = self.root.add(Text(printable(f"message {kept.message}: {summary}")), expand=True)
        for line in carried_lines(kept, frame):
            branch.add_leaf(Text(printable(line)))
        for name, why in VERDICTS:
            if message.facts.get(name):
                reason = f" ({message.facts[why]})" if message.facts.get(why) else ""
                branch.add_leaf(Text(printable(f"{name}: {message.facts[name]}{reason}")))
        if message.items:
            items = branch.add(Text(f"items ({len(message.items)})"), expand=True)
            for row in message.items:
                items.add_leaf(Text(printable(item_line(row, self.reveal))))
        part = carried_part(message, frame)
        marked = marked_fields(message, part) if part else None
        for top in message.fields:
            self._grow(branch, top, marked=marked)

    def _grow(
        self,
        parent: TreeNode[Field],
        field: Field,
        *,
        expand: bool = True,
        marked: frozenset[int] | None = None,
        spans: dict[str, list[tuple[int, int]]] | None = None,
    ) -> None:
        hidden = not self.reveal and self.known.is_hidden(field)
        mark = "" if marked is None else "> " if id(field) in marked else "  "
        label = Text(mark + field_text(field, hidden, spans))
        node = parent.add(label, field, expand=expand) if field.children else parent.add_leaf(label, field)
        self._node_of[id(field)] = node
        for child in field.children:
            self._grow(node, child, expand=expand, marked=marked, spans=spans)

    def action_fold(self) -> None:
        """Fold the branch, or go to the one around it."""
        node = self.cursor_node
        if node is None:
            return
        if node.is_expanded and node.children:
            node.collapse()
        elif node.parent is not None:
            self.move_cursor(node.parent)

    def action_edge(self, last: bool) -> None:
        self.cursor_line = self.last_line if last else 0

    def action_unfold(self) -> None:
        if self.cursor_node is not None:
            self.cursor_node.expand()
