"""The shadow model: gets the same requests as Production; the comparison is recorded and gates can use it."""

import pytest

from tests.support.served import BODY, GRID, Served


@pytest.fixture
def trained(lab):
    """Two versions with different predictions for some rows: the first is in Production, the second the challenger."""
    for name, estimator in (("gnb", "GaussianNB"), ("lda", "LinearDiscriminantAnalysis")):
        lab.write(f"{name}.yaml", f"estimator: {estimator}\n")
        lab.train_all()
    lab.models.set_production(1)
    lab.models.client.set_registered_model_alias(lab.models.model, "challenger", "2")
    return lab


def agreement_of(models, one, other):
    import pandas as pd

    rows = pd.DataFrame(GRID, columns=BODY["dataframe_split"]["columns"])
    first, second = (models.load(number).served.predict(rows) for number in (one, other))
    return sum(first == second) / len(rows)


def test_the_comparison_of_the_shadow_model_is_recorded_in_mlflow(trained):
    models = trained.models
    agreement = agreement_of(models, 1, 2)
    assert 0 < agreement < 1
    with Served(trained.project, trained.pipeline, "--shadow", "challenger", "--workers", "2") as server:
        server.line("serving version 1 (gnb)")
        server.line("version 2 (lda) runs as the shadow model (challenger)")
        assert server.shown(lambda model: model["shadow"] == {"alias": "challenger", "version": 2})
        for _ in range(30):
            assert server.predict(BODY).headers["x-podium-model-version"] == "1"
        assert server.stop() == 0
    (run,) = models.runs(suffix="-shadow")
    assert (run.data.tags["podium.shadow_version"], run.data.tags["podium.shadow_against"]) == ("2", "1")
    assert run.info.status == "FINISHED"
    metrics = run.data.metrics
    assert metrics["shadow_rows"] == 30 * len(GRID)
    assert metrics["shadow_agreement"] == pytest.approx(agreement)
    assert 0 < metrics["shadow_latency_ms"] < 1000
    assert metrics["production_latency_ms"] > 0
    assert metrics["dropped_requests"] == 0
    assert models.version(2).shadow == {name: metrics[name] for name in models.version(2).shadow}
    assert models.version(1).shadow == {}


@pytest.mark.slow
def test_dropped_requests_are_counted_and_answered(trained):
    rows = {"dataframe_split": {**BODY["dataframe_split"], "data": GRID * 1500}}
    with Served(trained.project, trained.pipeline, "--shadow", "challenger") as server:
        server.line("serving version 1 (gnb)")
        server.line("runs as the shadow model")
        assert server.predict(rows).status_code == 200
        assert server.predict(BODY).status_code == 200
        assert 'podium_shadow_requests_total{outcome="dropped"} 1.0' in server.client.get("/metrics").text
        server.stop()
    (run,) = trained.models.runs(suffix="-shadow")
    assert (run.data.metrics["dropped_requests"], run.data.metrics["shadow_rows"]) == (1, len(GRID))


@pytest.mark.slow
def test_the_shadow_model_follows_its_alias(trained):
    client, model = trained.models.client, trained.models.model
    client.delete_registered_model_alias(model, "challenger")
    with Served(trained.project, trained.pipeline, "--shadow", "challenger") as server:
        server.line(f"no shadow model: no version of {model} has the alias challenger")
        client.set_registered_model_alias(model, "challenger", "2")
        server.line("version 2 (lda) runs as the shadow model")
        seen = len(server.lines)
        client.delete_registered_model_alias(model, "challenger")
        server.line("no shadow model", after=seen)
        client.set_registered_model_alias(model, "challenger", "2")
        server.line("version 2 (lda) runs as the shadow model", after=seen)
        assert server.predict(BODY).status_code == 200


def test_gates_can_use_the_metrics_of_the_shadow_model(lab):
    lab.write("gnb.yaml")
    lab.promote(lab.train_all())
    lab.write("lda.yaml", "estimator: LinearDiscriminantAnalysis\n")
    results = lab.train_all()
    gates = {"shadow_rows": {"threshold": 100}, "shadow_agreement": {"threshold": 0.9}}
    refused = lab.promote(results, metric="log_loss", gates=gates)
    assert refused["verdict"] == "kept"
    assert lab.models.in_production().number == 1
    lab.models.tag_version(2, {"podium.shadow": '{"shadow_rows": 120.0, "shadow_agreement": 0.95}'})
    assert lab.promote(results, metric="log_loss", gates=gates)["verdict"] == "promoted"
    assert "shadow_rows" not in lab.models.version(2).tags["podium.scores"]
