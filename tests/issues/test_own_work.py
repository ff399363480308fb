"""Whose work a result is, read from the deeds alone (docs/adr/0014)."""

import pytest

from apps.issues.workflow import State
from apps.issues.workflow.deeds import Deed, did_the_work

ANN, BEN = 1, 2
FILED = Deed("file", ANN, State.COLLECTED)
SIGNED = Deed("sign", ANN, State.HANDLING)
PASSED_DOWN = Deed("assign", ANN, State.ASSIGNED)
SIGNED_BELOW = Deed("sign", BEN, State.HANDLING)
FED_BACK = Deed("feed_back", BEN, State.FED_BACK)


@pytest.mark.parametrize(
    ("deeds", "of_ann", "of_ben"),
    [
        ([FILED], False, False),
        ([FILED, Deed("sign", ANN, State.ESCALATED)], False, False),
        ([SIGNED], True, False),
        ([SIGNED, PASSED_DOWN, SIGNED_BELOW], False, True),
        ([SIGNED, PASSED_DOWN, SIGNED_BELOW, FED_BACK], False, True),
        ([SIGNED, FED_BACK], True, True),
        ([SIGNED, Deed("note", BEN, State.HANDLING), FED_BACK, Deed("rework", None, State.HANDLING)], True, True),
        ([SIGNED, Deed("handle", ANN, State.HANDLING), PASSED_DOWN, SIGNED_BELOW, FED_BACK], True, True),
        ([SIGNED, Deed("escalate", None, State.ESCALATED), Deed("self_handle", BEN, State.CONCLUDED)], False, True),
    ],
)
def test_it_is_of_who_handled_it_not_of_who_signed_and_passed_it_on(
    deeds: list[Deed], of_ann: bool, of_ben: bool
) -> None:
    assert (did_the_work(deeds, ANN), did_the_work(deeds, BEN)) == (of_ann, of_ben)
