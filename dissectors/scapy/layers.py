"""Scapy classes made of the declarations of our layers: reading and building are the layer's own."""

from __future__ import annotations

from typing import Any, ClassVar

from scapy.fields import ConditionalField
from scapy.fields import Field as ScapyField
from scapy.packet import Packet, Raw

from dissectors.layout import Bits, Layer, Part, Secret, UInt, Word, named
from dissectors.model.cursor import Cursor

__all__ = ["LayoutPacket", "to_scapy"]


class PartField(ScapyField):
    """A part of a layer as one of Scapy's fields."""

    __slots__ = ("holds_packets", "islist", "part")

    def __init__(self, part: Part) -> None:
        super().__init__(part.name, part.default, "B")
        self.part = part
        self.islist = int(isinstance(part.default, tuple))
        self.holds_packets = 0

    def getfield(self, pkt: Any, s: bytes) -> tuple[bytes, Any]:
        cursor = Cursor(s, layer=pkt.name)
        value = self.part.take(pkt.layer(), cursor)
        return cursor.rest(), value

    def addfield(self, pkt: Any, s: bytes, val: Any) -> bytes:
        return s + self.part.put(pkt.layer(), val)

    def any2i(self, pkt: Any, x: Any) -> Any:
        return x

    i2h = any2i

    def i2repr(self, pkt: Any, x: Any) -> str:
        part = self.part
        if isinstance(part, Secret):
            return "hidden"
        if isinstance(part, Word):
            bits = (f"{bit.name}={_named(bit, int(x or 0))}" for bit in part.bits)
            return f"0x{x or 0:0{2 * part.size}x} ({' '.join(bits)})"
        if isinstance(part, UInt):
            meaning = named(part.names, x) if x is not None else ""
            return f"{x} ({meaning})" if meaning else f"{x}"
        return _text(x)


def _text(value: Any) -> str:
    """A value as ``show`` prints it, with the parts of layers inside."""
    if isinstance(value, Layer):
        parts = (f"{name}={_text(one)}" for name, one in value.fields.items())
        return f"{{{', '.join(parts)}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(_text(one) for one in value)}]"
    return value.hex() if isinstance(value, bytes) else f"{value}"


def _named(bit: Bits, word: int) -> str:
    value = word >> bit.low & (1 << bit.width) - 1
    return (named(bit.names, value) if bit.names else None) or str(value)


class LayoutPacket(Packet):
    """A Scapy layer made of the declaration `layout`."""

    layout: ClassVar[type[Layer]] = Layer
    bits: ClassVar[frozenset[str]] = frozenset()
    """Names of the bits of words; those that mean something else to Scapy are left to it."""
    match_subclass = True
    error: Any = None
    tail: bytes = b""

    def layer(self) -> Layer:
        """This packet as the layer that it is made of."""
        made = self.layout()
        made.fields.update(self.fields)
        made.tail, made.error = self.tail, self.error
        return made

    def take(self, layer: Layer) -> None:
        """Take over what `layer` has."""
        self.fields.update(layer.copy().fields)
        self.tail, self.error = layer.tail, layer.error

    def do_dissect(self, s: bytes) -> bytes:
        cursor = Cursor(s, layer=self.name)
        self.take(self.layout.read(cursor))
        return cursor.rest()

    def self_build(self) -> bytes:
        return bytes(self.layer())

    def do_build(self) -> bytes:
        return self.self_build() + bytes(self.do_build_payload())

    def copy(self) -> LayoutPacket:
        clone: LayoutPacket = super().copy()
        clone.tail, clone.error = self.tail, self.error
        return clone

    def init_fields(self, *args: Any, **more: Any) -> None:
        super().init_fields(*args, **more)
        for name in [n for n, value in self.fields.items() if isinstance(value, list)]:
            del self.fields[name]  # Scapy copies lists from the defaults; here what is not set is not there

    def __init__(self, _pkt: bytes = b"", /, *args: Any, **values: Any) -> None:
        bits = {name: values.pop(name) for name in list(values) if name in self.bits}
        super().__init__(_pkt, *args, **values)
        for name, value in bits.items():
            setattr(self, name, value)

    def __getattr__(self, attr: str) -> Any:
        if attr in self.bits:
            return self.layer().bit(attr)
        return super().__getattr__(attr)

    def __setattr__(self, attr: str, val: Any) -> None:
        if attr in ("tail", "error"):
            self.__dict__[attr] = val
        elif attr in self.bits:
            layer = self.layer()
            layer.set_bits(attr, val)
            word = self.layout.bit_of[attr][0]
            self.setfieldval(word, layer.fields[word])
        else:
            super().__setattr__(attr, val)

    def guess_payload_class(self, payload: bytes) -> Any:
        return Raw


def to_scapy(layout: type[Layer]) -> type[LayoutPacket]:
    """The Scapy class of a layer: its name, its parts as fields, its reader and builder."""
    if layout not in MADE:
        MADE[layout] = _made(layout)
    return MADE[layout]


MADE: dict[Any, type[LayoutPacket]] = {}


def _made(layout: type[Layer]) -> type[LayoutPacket]:
    fields = [
        PartField(part) if part.when is None else ConditionalField(PartField(part), _condition(part))
        for part in layout.parts
    ]
    body = {
        "name": layout.name or layout.__name__,
        "fields_desc": fields,
        "layout": layout,
        "bits": frozenset(name for name in layout.bit_of if not hasattr(Packet, name)),
        "__doc__": layout.__doc__,
    }
    made: type[LayoutPacket] = type(layout.__name__, (LayoutPacket,), body)
    return made


def _condition(part: Part) -> Any:
    return lambda pkt: part.when is None or bool(part.when(pkt.layer()))
