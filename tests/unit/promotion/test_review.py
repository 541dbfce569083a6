"""The review of a decision gives the same results in whatever order its methods are called."""

import itertools

import pytest

from podium.promotion.review import Review
from podium.promotion.rules import Rule

CALLS = {
    "champion": lambda review, _: review.champion.version,
    "candidates": lambda review, _: [one.version for one in review.candidates],
    "review": lambda review, one: review.review(one).p_value,
    "evidence": lambda review, one: review.evidence(one, review.champion),
    "interval": lambda review, one: review.interval(one),
    "model": lambda review, one: type(review.model(one.version)).__name__,
}


@pytest.fixture(params=[Rule("log_loss", confidence=0.95), Rule("accuracy", confidence=0.95)], ids=lambda r: r.metric)
def new_review(hall, request):
    """Return a function that makes a review of version 2 against version 1."""
    first, second, *_ = hall.models.versions()
    return lambda: Review(hall.models, hall.job, request.param, [second], first)


def test_every_order_of_calls_gives_the_same_results(new_review):
    orders = [list(CALLS), list(reversed(CALLS)), *itertools.islice(itertools.permutations(CALLS), 100, 700, 200)]
    (challenger,) = new_review().candidates
    results = []
    for order in orders:
        review = new_review()
        results.append({name: CALLS[name](review, challenger) for name in order})
    assert results[0]["champion"] == 1
    assert results[0]["candidates"] == [2]
    assert 0 < results[0]["review"] < 1
    assert all(one == results[0] for one in results)


def test_without_a_champion_there_is_no_rival_and_no_test(hall):
    _, second, *_ = hall.models.versions()
    review = Review(hall.models, hall.job, Rule(confidence=0.95), [second])
    (challenger,) = review.candidates
    assert (review.champion, review.rival) == (None, None)
    assert review.review(challenger).p_value is None
