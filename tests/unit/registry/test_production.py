"""Which version is in Production when stage, alias and the last decision do not agree."""

import pytest

from podium.registry.production import Standing


def standing(alias, staged, recorded=12):
    return Standing(alias, frozenset(staged), recorded, is_recorded=True)


@pytest.mark.parametrize(
    ("found", "number", "by_hand"),
    [
        (standing(12, {12}), 12, False),
        (standing(12, {3}), 3, True),
        (standing(12, {3, 12}), 3, True),
        (standing(3, {12}), 3, True),
        (standing(3, {3}), 3, True),
        (standing(3, {5}), 3, True),
        (standing(None, {12}), None, True),
        (standing(12, set()), None, True),
        (standing(None, {3}), 3, True),
        (standing(None, set()), None, True),
        (standing(None, set(), None), None, False),
        (standing(3, set(), None), 3, True),
        (Standing(None, frozenset()), None, False),
        (Standing(3, frozenset({3})), 3, False),
        (Standing(None, frozenset({3})), 3, True),
        (Standing(12, frozenset({3}), 12, is_recorded=True, is_moving=True), 12, False),
    ],
)
def test_the_mark_that_was_moved_counts(found, number, by_hand):
    assert (found.number, found.by_hand) == (number, by_hand)
    assert found.chosen(protect=False) == number
    assert found.chosen(protect=True) == (12 if by_hand and found.recorded else number)
