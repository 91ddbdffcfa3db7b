"""The far side of the hub: remote parties that send GBCS messages to the home's devices and read what comes back.

Every message is built, signed, MACed and encrypted by `dissectors.gbcs`, carried through the hub's tunnels, and
verified by whoever receives it. What goes to the hub itself (CHF, GPF) does not cross the home's network: its
rows in the truth say ``on_air`` false.

Sources: GBCS 4.x sections 4.3 (counters, roles), 6 (categories), 10.3 (delivery), 14 (prepayment tokens).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from captures.simulated.air.events import simpy
from captures.simulated.air.exchanges import ExchangeNote, begin
from captures.simulated.air.medium import Wait
from captures.simulated.air.truth import FrameTruth, MessageNote
from captures.simulated.devices.han import Han
from captures.simulated.remote import answers
from captures.simulated.remote.directory import Directory, Entity
from captures.simulated.stack import tunnels
from captures.simulated.stack.network import Role
from captures.simulated.stack.node import Node
from dissectors import DissectionError
from dissectors.gbcs import GbcsMessage, build, dissect_message, use_cases
from dissectors.layout import table

__all__ = ["Dcc", "Exchange", "dcc_of"]


@dataclass(slots=True)
class Exchange:
    """A command and its answer, or an alert: what happened to it.

    Attributes:
        trouble: why it did not run end to end; empty when it did.
        on_air: whether it crossed the home's network.
    """

    use_case: str
    message_code: int
    recipient: str
    on_air: bool = True
    trouble: str = ""
    messages: list[int] = field(default_factory=list)
    response: GbcsMessage | None = None

    @property
    def complete(self) -> bool:
        return not self.trouble


KINDS = {1: "command", 2: "response", 3: "alert"}


def dcc_of(han: Han) -> Dcc:
    """The far side of a home; made when it is first asked for."""
    return han.find(Dcc) or han.attach(Dcc(han))


class Dcc(Directory):
    """The far side of a home: what is sent, on its way, and answered.

    Attributes:
        exchanges: everything that was sent, in order.
    """

    def __init__(self, han: Han) -> None:
        super().__init__(han)
        self.exchanges: list[Exchange] = []
        self._sent = 0
        self._arrivals: dict[int, float] = {}

    # --- messages ----------------------------------------------------------------------------------------

    def command(
        self, code: int, originator: Entity, recipient: Entity, counter: int, payload: bytes | None = None
    ) -> bytes:
        """A command, protected as the use case asks.

        Raises:
            DissectionError: there is no template, or a key is missing.
        """
        if payload is None:
            payload = answers.command_values(self, code, originator, recipient, counter)
        observed = next(
            r["command_protection_observed"]
            for r in table("gbcs", "usecases")
            if int(r["message_code"], 16) == code
        )
        return build.command(
            code, originator=originator.octets, recipient=recipient.octets, counter=counter,
            keystore=self.keystore, payload=payload, broker=self.broker.octets, mac=observed != "signed",
        )  # fmt: skip

    def exchange(
        self,
        code: int,
        *,
        originator: Entity | None = None,
        recipient: Entity | None = None,
        payload: bytes | None = None,
        octets: bytes | None = None,
        faults: tuple[str, ...] = (),
        change: tunnels.Change = lambda parts: parts,
        change_answer: tunnels.Change = lambda parts: parts,
        change_payload: Callable[[bytes], bytes] = lambda payload: payload,
        answered: bool = True,
    ) -> Wait:
        """A command out, its answer back; returns the `Exchange`. Nothing is raised: trouble is in it.

        Args:
            octets: the command ready made, of a fault.
            change, change_answer: what a fault does to the pieces of command and answer in the tunnel.
            change_payload: what a fault does to the answer's payload before it is protected.
            answered: False when the device never answers.
        """
        row = use_cases()[code]
        done = Exchange(row.use_case, code, "")
        self.exchanges.append(done)
        try:
            target = recipient or self.recipient(code)
            sender = originator or self.originator(code)
            done.recipient, done.on_air = str(target.role), _on_air(target)
            token = row.use_case in ("CS01a", "CS01b")
            asked = octets or self.command(code, sender, target, self.counter(sender, token=token), payload)
        except (DissectionError, ValueError, KeyError) as error:
            done.trouble = f"cannot be built: {error}"
            return done
        told = self._tell(done, sender, target)
        yield self._over_the_wan(target)
        if not (yield from self._carry(done, sender, target, asked, faults, change)):
            done.trouble = "the command was not delivered"
            told.ended("undelivered")
            return done
        if answered:
            answer, refusal = answers.answer(
                self, target, dissect_message(asked, self.keystore), change_payload
            )
            if answer is None:
                done.trouble = refusal
                told.ended("unanswered")
                return done
            yield from self._answered(done, sender, target, asked, answer, faults, change_answer)
            if done.response is not None:
                told.ended("refused" if done.response.columns.get("outcome") == "failure" else "ok")
        else:
            done.trouble = "the device did not answer"
            told.ended("unanswered")
        return done

    def _answered(
        self, done: Exchange, sender: Entity, target: Entity, asked: bytes, answer: bytes,
        faults: tuple[str, ...], change: tunnels.Change,
    ) -> Wait:  # fmt: skip
        command = dissect_message(asked, self.keystore)
        answering = self.han.env.process(self._carry(done, target, sender, answer, faults, change))
        if target.node is not None:
            target.node.part(tunnels.Tunnels).answering = answering
        if not (yield answering):
            done.trouble = "the response was not delivered"
            return
        done.response = dissect_message(answer, self.keystore, command=command)
        done.trouble = _doubts(done.response)

    def alert(
        self, code: int, device: Entity, payload: bytes, *, to: Entity | None = None,
        faults: tuple[str, ...] = (), counter: int | None = None,
    ) -> Wait:  # fmt: skip
        """An alert of a device, to the supplier unless told otherwise; returns the `Exchange`."""
        row = use_cases()[code]
        done = Exchange(row.use_case or row.title, code, str(device.role), _on_air(device))
        self.exchanges.append(done)
        party = to or self.parties["Supplier A"]
        told = self._tell(done, device, party)
        try:
            octets = build.alert(
                code, originator=device.octets, recipient=party.octets,
                counter=counter or self.counter(device), payload=payload, keystore=self.keystore,
            )  # fmt: skip
        except (DissectionError, ValueError, KeyError) as error:
            done.trouble = f"cannot be built: {error}"
            return done
        if not (yield from self._carry(done, device, party, octets, faults)):
            done.trouble = "the alert was not delivered"
            return done
        done.response = dissect_message(octets, self.keystore)
        done.trouble = _doubts(done.response)
        told.ended("ok")
        return done

    def _tell(self, done: Exchange, sender: Entity, target: Entity) -> ExchangeNote:
        """What the truth says of an exchange."""
        parties = f"{sender.eui64:016x}", f"{target.eui64:016x}"
        return begin(self.han, "gbcs", *parties, outcome="running", messages=done.messages)

    def _over_the_wan(self, target: Entity) -> simpy.Event:
        """An event when a message has come to the hub; those to one device keep their order."""
        way, now = self.han.profile, float(self.han.env.now)
        delay = self.han.rng.uniform(way.number("tunnel.wan_low"), way.number("tunnel.wan_high"))
        arrives = max(now + delay * 1e9, self._arrivals.get(target.eui64, 0.0) + 1e6)
        self._arrivals[target.eui64] = arrives
        return self.han.env.timeout(round(arrives - now))

    # --- the way -----------------------------------------------------------------------------------------

    def _carry(
        self, done: Exchange, sender: Entity, receiver: Entity, octets: bytes, faults: tuple[str, ...],
        change: tunnels.Change = lambda parts: parts,
    ) -> Wait:  # fmt: skip
        """One message over the home's network: one leg, or two between devices of the home."""
        hub = self.han.hub
        legs: list[tuple[Node, Node]] = []
        if sender.node is not None and sender.node is not hub:
            legs.append((sender.node, hub))
        if receiver.node is not None and receiver.node is not hub:
            legs.append((hub, receiver.node))
        if not legs:
            done.messages.append(self._note(octets, on_air=False).message)
            return True
        for source, destination in legs:
            row = self._note(octets, on_air=True)
            done.messages.append(row.message)
            truth: FrameTruth = {"message": row.message, "use_case": done.use_case}
            arrived = yield from tunnels.deliver(
                source, destination, octets, truth, faults=faults, change=change
            )
            row.delivered = arrived
            if not arrived:
                return False
        return True

    def _note(self, octets: bytes, *, on_air: bool) -> MessageNote:
        """The row of a message in the truth, from what went into it."""
        message = dissect_message(octets, self.keystore)
        layout = message.layout
        self._sent += 1
        facts: Mapping[str, Any] = message.facts
        return self.han.note(
            MessageNote(
                self._sent, facts.get("use_case"), layout.message_code, KINDS.get(layout.cra),
                layout.originator.hex(), layout.recipient.hex(), layout.counter, facts.get("signature"),
                facts.get("mac"), on_air=on_air, delivered=not on_air, octets=octets.hex(),
            )
        )  # fmt: skip


def _on_air(entity: Entity) -> bool:
    return entity.node is not None and entity.role != Role.CHF


def _doubts(message: GbcsMessage) -> str:
    """What keeps a received message from being good; empty when nothing does."""
    facts = message.facts
    if "valid" not in (facts["mac"], facts["signature"]):
        return f"MAC {facts['mac']}, signature {facts['signature']}"
    if facts["encrypted_parts"] != facts["decrypted_parts"]:
        return "an encrypted part could not be opened"
    wrong = [issue for issue in message.issues if issue.severity != "note"]
    return wrong[0].text if wrong else ""
