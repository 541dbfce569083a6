"""Which version is promoted: the rules, without Airflow or MLflow."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podium.errors import PodiumError
from podium.evaluation.metrics import GREATER_IS_BETTER
from podium.promotion.rules import Candidate, Rule, decide


def candidate(version, score=None, metric="balanced_accuracy", failure=""):
    metrics = {} if score is None else {metric: score}
    return Candidate(version, f"config_{version}", "GaussianNB", metrics, failure)


def chosen(candidates, champion=None, **rule):
    decision = decide(candidates, champion, Rule(**rule))
    return decision.verdict, decision.champion and decision.champion.version


@pytest.mark.parametrize(
    ("challengers", "champion", "outcome"),
    [
        pytest.param([], None, ("nothing", None), id="nothing at all"),
        pytest.param([(2, None)], None, ("nothing", None), id="no score"),
        pytest.param([(2, math.nan)], None, ("nothing", None), id="score is nan"),
        pytest.param([(2, 0.1)], None, ("promoted", 2), id="first champion, however bad"),
        pytest.param([(2, 0.8), (3, 0.9)], None, ("promoted", 3), id="best of two"),
        pytest.param([(3, 0.9), (2, 0.9)], None, ("promoted", 2), id="tie goes to the earlier version"),
        pytest.param([(2, 0.9)], (1, 0.9), ("kept", 1), id="tie goes to the champion"),
        pytest.param([(1, 0.9)], (2, 0.9), ("kept", 2), id="tie goes to the champion, even the later version"),
        pytest.param([(2, 0.91)], (1, 0.9), ("promoted", 2), id="better"),
        pytest.param([(2, 0.89)], (1, 0.9), ("kept", 1), id="worse"),
        pytest.param([], (1, 0.9), ("kept", 1), id="no challenger"),
        pytest.param([(2, math.inf)], (1, 0.9), ("kept", 1), id="an infinite score does not count"),
        pytest.param([(1, 0.9)], (1, 0.9), ("kept", 1), id="the champion among the candidates"),
        pytest.param([(2, 0.1)], (1, None), ("promoted", 2), id="champion without the metric"),
        pytest.param([(2, None)], (1, None), ("kept", 1), id="nobody has the metric"),
    ],
)
def test_the_best_by_the_metric_wins(challengers, champion, outcome):
    challengers = [candidate(*one) for one in challengers]
    assert chosen(challengers, champion and candidate(*champion)) == outcome


def test_a_lower_loss_is_better():
    scores = [candidate(n, loss, "log_loss") for n, loss in ((1, 0.3), (2, 0.1), (3, 0.2))]
    assert chosen(scores, metric="log_loss") == ("promoted", 2)
    assert chosen(scores[2:], scores[1], metric="log_loss") == ("kept", 2)


def test_a_failed_candidate_is_not_promoted_and_comes_last_in_the_ranking():
    failed, good = candidate(1, 1.0, failure="it cannot predict setosa"), candidate(2, 0.5)
    decision = decide([failed, good], None, Rule())
    assert decision.champion == good
    assert decision.ranking == (good, failed)


def test_a_champion_that_failed_validation_is_replaced_and_the_reason_says_so():
    decision = decide([candidate(2, 0.5)], candidate(1, 0.9, failure="cannot be loaded"), Rule())
    assert decision.verdict == "promoted"
    assert "version 1 (config_1), which cannot be compared: cannot be loaded" in decision.reason


@pytest.mark.parametrize(("score", "outcome"), [(0.9375, "promoted"), (0.93, "kept"), (0.95, "promoted")])
def test_the_required_improvement_is_enough_and_less_is_not(score, outcome):
    decision = decide([candidate(2, score)], candidate(1, 0.875), Rule(min_improvement=0.0625))
    assert decision.verdict == outcome
    assert ("; an improvement of at least 0.0625 is required" in decision.reason) == (outcome == "kept")


def test_the_reason_names_both_versions_and_both_scores():
    decision = decide([candidate(7, 0.95)], candidate(3, 0.9), Rule())
    assert decision.reason == "version 7 (config_7) has balanced_accuracy 0.9500 against 0.9000 of version 3 (config_3)"
    assert (decision.champion.version, decision.previous.version) == (7, 3)


def test_a_wrong_rule_is_refused_with_a_hint():
    with pytest.raises(PodiumError, match="unknown metric 'acuracy': did you mean 'accuracy'"):
        Rule("acuracy")
    for improvement in (-0.1, math.nan):
        with pytest.raises(PodiumError, match="min_improvement must be 0 or more"):
            Rule(min_improvement=improvement)


scores = st.none() | st.sampled_from([0.0, 0.5, 0.5 + 1e-12, 1.0, math.nan, math.inf]) | st.floats(0, 1)
metrics = st.sampled_from(sorted(GREATER_IS_BETTER))


@given(st.lists(scores, max_size=8), st.none() | scores, metrics, st.sampled_from([0.0, 0.01]), st.randoms())
def test_the_winner_is_never_worse_and_order_does_not_matter(challengers, champion, metric, least, random):
    rule = Rule(metric, least)
    candidates = [candidate(n, score, metric) for n, score in enumerate(challengers, start=2)]
    old = candidate(1, champion, metric)
    decision = decide(candidates, old, rule)
    if rule.can_compete(old):
        assert rule.gain(decision.champion, old) >= 0
    if decision.verdict == "promoted":
        best = decision.champion
        assert all(rule.gain(best, c) >= 0 for c in candidates if rule.can_compete(c))
    shuffled = random.sample(candidates, len(candidates))
    assert decide(shuffled, old, rule) == decision


def test_only_candidates_that_would_win_are_reviewed_best_first():
    reviewed = []

    def review(one):
        reviewed.append(one.version)
        return replace(one, failure="it is too slow") if one.version == 4 else one

    candidates = [candidate(2, 0.8), candidate(3, 0.95), candidate(4, 0.97), candidate(5, 0.93)]
    decision = decide(candidates, candidate(1, 0.9), Rule(), review)
    assert (decision.verdict, decision.champion.version) == ("promoted", 3)
    assert reviewed == [4, 3]
    assert [(c.version, c.failure) for c in decision.ranking][-1] == (4, "it is too slow")


def test_a_better_one_that_fails_a_gate_leaves_the_champion_and_says_why():
    decision = decide(
        [candidate(2, 0.95)], candidate(1, 0.9), Rule(), lambda one: replace(one, failure="it is too slow")
    )
    assert decision.verdict == "kept"
    assert decision.reason == (
        "best challenger version 2 (config_2) has balanced_accuracy 0.9500 against 0.9000 of version 1 (config_1), "
        "but it is too slow"
    )


def test_without_a_champion_a_failed_candidate_is_not_promoted_either():
    decision = decide([candidate(2, 0.95)], None, Rule(), lambda one: replace(one, failure="it is too slow"))
    assert decision.verdict == "nothing"
    assert decision.reason.endswith("balanced_accuracy 0.9500, but it is too slow")


@pytest.mark.parametrize(
    ("p_values", "winner"),
    [
        pytest.param({2: 0.01}, 2, id="significant"),
        pytest.param({2: 0.06}, 1, id="not significant"),
        pytest.param({2: 0.03, 3: 0.03}, 1, id="Holm requires half of 0.05 of the first of two"),
        pytest.param({2: 0.02, 3: 0.03}, 3, id="after the first of two, Holm requires 0.05 of the second"),
        pytest.param({2: 0.02, 3: 0.2}, 2, id="the best that is significant, not the best"),
        pytest.param({2: None}, 1, id="no test, no promotion"),
    ],
)
def test_with_confidence_the_lead_must_be_significant(p_values, winner):
    candidates = [candidate(version, 0.9 + version / 100) for version in p_values]
    decision = decide(
        candidates,
        candidate(1, 0.9),
        Rule(confidence=0.95),
        lambda one: replace(one, p_value=p_values[one.version]),
    )
    assert decision.champion.version == winner


def test_candidates_that_are_no_better_count_for_the_correction():
    review = lambda one: replace(one, p_value=0.02)  # noqa: E731
    rule, champion = Rule(confidence=0.95), candidate(1, 0.9)
    assert decide([candidate(2, 0.95)], champion, rule, review).verdict == "promoted"
    worse = [candidate(version, 0.5) for version in (3, 4)]
    decision = decide([candidate(2, 0.95), *worse], champion, rule, review)
    assert decision.verdict == "kept"
    assert "but the lead is not significant: p = 0.06 among 3 candidates (0.05 required)" in decision.reason


@pytest.mark.parametrize("confidence", [0, 1, 95, -0.5, math.nan])
def test_confidence_is_between_0_and_1(confidence):
    with pytest.raises(PodiumError, match="confidence must be between 0 and 1"):
        Rule(confidence=confidence)
