"""What the log of a promotion shows: an aligned table, and the decision last."""

from podium.evaluation.gates import Gate
from podium.promotion.log_lines import lines
from podium.promotion.rules import Candidate, Rule, decide

LDA = Candidate(1, "lda", "LinearDiscriminantAnalysis", {"log_loss": 0.0294, "accuracy": 0.98})
FOREST = Candidate(12, "forest", "RandomForestClassifier", {"log_loss": 0.1054, "accuracy": 0.96})
BROKEN = Candidate(3, "svm", "SVC", {}, "failed validation")


def test_the_columns_are_aligned_and_the_decision_is_the_last_line():
    rule = Rule("log_loss")
    assert lines(decide([LDA, FOREST, BROKEN], None, rule), rule, "promoted", ["knn", "mlp"]) == [
        "version  config  estimator                   log_loss  result",
        "      1  lda     LinearDiscriminantAnalysis    0.0294  Production",
        "     12  forest  RandomForestClassifier        0.1054",
        "      3  svm     SVC                                   failed validation",
        "2 failed: knn, mlp",
        "promoted: version 1 (lda) is the first champion with log_loss 0.0294",
    ]


def test_gates_and_corrected_p_values_are_shown():
    rule = Rule("log_loss", gates=(Gate("accuracy", 0.9),), confidence=0.95)
    found = lines(decide([FOREST], LDA, rule), rule, "kept")
    assert found[0].split() == ["version", "config", "estimator", "log_loss", "p", "result"]
    assert any(line.startswith("gates: accuracy") for line in found)
    assert found[-1].startswith("kept: best challenger version 12 (forest)")


def test_without_candidates_there_is_only_the_decision():
    rule = Rule("log_loss")
    assert lines(decide([], None, rule), rule, "nothing") == ["nothing: no candidate and nothing in Production"]
