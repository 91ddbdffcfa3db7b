"""Remote parties and devices: who may say what to whom, and under which counter."""

import pytest

from captures.simulated.devices.han import Han
from captures.simulated.devices.home import furnish
from captures.simulated.remote.dcc import Dcc, dcc_of
from captures.simulated.remote.directory import PartyRole, role_of
from captures.simulated.stack.network import Role


@pytest.fixture(scope="module")
def dcc() -> Dcc:
    han = Han(seed=2)
    furnish(han, without=(Role.HCALCS,))
    return dcc_of(han)


def test_a_home_has_one_far_side(dcc: Dcc) -> None:
    assert dcc_of(dcc.han) is dcc is dcc.han.memory["dcc"]


def test_counters_grow(dcc: Dcc) -> None:
    party = dcc.parties["Supplier A"]
    one, two, token = dcc.counter(party), dcc.counter(party), dcc.counter(party, token=True)
    assert one < two < token and token & 0xFFFF_FFFF == 0


def test_who_sends_and_who_takes(dcc: Dcc) -> None:
    assert dcc.originator(0x0027).role == PartyRole.SUPPLIER
    assert {code: role_of(code) for code in (0x0027, 0x007B, 0x000D)} == {
        0x0027: Role.ESME, 0x007B: Role.GSME, 0x000D: role_of(0x000D)
    }  # fmt: skip
    assert dcc.device(Role.GPF).node is None
    with pytest.raises(ValueError, match="no HCALCS"):
        dcc.device(Role.HCALCS)


def test_everybody_has_a_certificate(dcc: Dcc) -> None:
    assert {party.address for party in dcc.parties.values()} <= dcc.certificates.keys()
