"""Joins and rejoins: from the request to the announcement that the device holds the network key.

Sources: IEEE 802.15.4-2015 7.5.2, 7.5.3; ZigBee 05-3474 R22 3.4.6, 3.4.7 (rejoin), 4.4.9.1 (Transport-Key), 2.4.3.1.11
(Device_annce).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from analysis.exchanges.desk import Desk, Entry, Scene
from analysis.exchanges.frame_arrays import FrameArrays
from analysis.exchanges.kinds import KINDS, SECOND, kind_number
from dissectors.ieee802154 import COMMAND_NAMES
from dissectors.zigbee import APS_COMMAND_NAMES, NWK_COMMAND_NAMES, zdp_names

__all__ = ["Joins"]


def _number(names: dict[int, str], name: str) -> int:
    return next(number for number, one in names.items() if one == name)


ASSOCIATE, ASSOCIATED = (_number(COMMAND_NAMES, f"Association {word}") for word in ("Request", "Response"))
REJOIN, REJOINED = (_number(NWK_COMMAND_NAMES, f"Rejoin {word}") for word in ("Request", "Response"))
TRANSPORT_KEY = _number(APS_COMMAND_NAMES, "Transport Key")
ANNOUNCE = _number(zdp_names(), "Device_annce")
PATIENCE = int(KINDS[kind_number("join")].limit * SECOND)
NAMES = {"join": "association", "rejoin": "NWK rejoin"}
STEPS = ("association response", "network key", "announcement")


@dataclass(slots=True)
class Joins:
    """Devices on their way in, by the address that they have, and the steps that are still awaited."""

    by_address: dict[int, Entry] = field(default_factory=dict)
    by_short: dict[int, Entry] = field(default_factory=dict)

    @staticmethod
    def rows(frames: FrameArrays, command: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Rows that may belong to a join.

        Args:
            command: NWK command of each row.
        """
        mac = (frames.mac_command == ASSOCIATE) | (frames.mac_command == ASSOCIATED)
        nwk = (command == REJOIN) | (command == REJOINED)
        aps = frames.numbers("aps_command") == TRANSPORT_KEY
        announced = frames.is_data & (frames.profile == 0) & (frames.cluster == ANNOUNCE)
        found: npt.NDArray[np.bool_] = mac | nwk | aps | announced
        return found

    def see(self, desk: Desk, scene: Scene, row: int) -> None:
        """One row of those."""
        frames = scene.frames
        mac, nwk = int(frames.mac_command[row]), int(frames.numbers("nwk_command")[row])
        if mac == ASSOCIATE:
            self._ask(desk, scene, row, int(frames.hop_from[row]), int(frames.hop_to[row]), "join")
        elif mac == ASSOCIATED:
            self._answer(desk, scene, row, int(frames.hop_to[row]), int(frames.hop_from[row]))
        elif nwk == REJOIN:
            self._ask(desk, scene, row, scene.initiator(row), int(frames.hop_to[row]), "rejoin")
            self.by_short[int(frames.sent_by[row])] = self.by_address[scene.initiator(row)]
        elif nwk == REJOINED:
            self._answer(desk, scene, row, scene.responder(row), scene.initiator(row))
        elif int(frames.numbers("aps_command")[row]) == TRANSPORT_KEY:
            self._step(desk, scene, row, int(frames.sent_to[row]), "network key")
        else:
            self._step(desk, scene, row, int(frames.sent_by[row]), "announcement")

    def _ask(self, desk: Desk, scene: Scene, row: int, device: int, parent: int, kind: str) -> None:
        time = scene.time(row)
        before = self.by_address.get(device)
        if (
            before is not None
            and not before.done
            and time - before.touched <= PATIENCE
            and before.kind == kind
        ):
            if not before.answered:  # sent again, or asked again because nothing came
                before.retries += 1
                desk.belongs(scene, row, before)
                return
            before.settle("failed", "the device began again")
        entry = desk.begin(scene, kind, row, device, parent, NAMES[kind])
        entry.missing = list(STEPS if kind == "join" else ("rejoin response", "announcement"))
        # A rejoin that is secured is answered under the network key, another one in clear (05-3474 3.6.1.4.3).
        entry.secured = bool(scene.frames.words("nwk_security", "ok")[row])
        self.by_address[device] = entry
        desk.belongs(scene, row, entry)

    def _answer(self, desk: Desk, scene: Scene, row: int, device: int, parent: int) -> None:
        entry = self.by_address.get(device)
        time = scene.time(row)
        kind = "join" if int(scene.frames.mac_command[row]) == ASSOCIATED else "rejoin"
        if entry is None or entry.done or time - entry.touched > PATIENCE:
            entry = desk.begin(scene, kind, row, device, parent, NAMES[kind])
            entry.missing = ["request", *(STEPS[1:] if kind == "join" else ("announcement",))]
            self.by_address[device] = entry
        desk.belongs(scene, row, entry)
        fields = scene.fields(scene.frame(row))
        status, words = fields.get("status", (0, ""))
        entry.answered = entry.answered or time
        entry.missing = [step for step in entry.missing if not step.endswith("response")]
        if status:
            entry.settle("refused", words or f"status 0x{status:02x}")
            entry.done = True
        short = next(
            (fields[name][0] for name in ("short_address", "network_address") if name in fields), None
        )
        if short is not None:
            self.by_short[int(scene.frames.pan[row]) << 16 | short] = entry

    def _step(self, desk: Desk, scene: Scene, row: int, short: int, step: str) -> None:
        entry = self.by_short.get(short)
        if entry is None or scene.time(row) - entry.touched > PATIENCE:
            return
        if entry.done and step != "announcement":
            return
        desk.belongs(scene, row, entry)
        entry.missing = [one for one in entry.missing if one != step]
        if step == "announcement":
            entry.settle("ok", "the device announced itself")
            entry.done = True

    def forget(self, closed: Entry) -> None:
        """Let go of an entry that was closed."""
        for table in (self.by_address, self.by_short):
            for key in [key for key, one in table.items() if one is closed]:
                del table[key]
