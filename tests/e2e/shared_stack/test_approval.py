"""``approval: required``: a person decides in Airflow, through its API or its page, and sees the evidence.

``wine_train`` has it. The tests are steps of one story, in this order.
"""

import json
from urllib.parse import quote

from tests.support.checkout import wait_until

DAG, MODEL = "wine_train", "wine-classifier"
NOT_SIGNIFICANT = "estimator: QuadraticDiscriminantAnalysis\npreprocess: [StandardScaler]\nparams: {reg_param: 0.1}\n"


def history(stack):
    return json.loads(stack.podium("history", DAG, "--json").stdout)


def request_of(stack, run_id):
    found = stack.airflow.get(f"/dags/{DAG}/dagRuns/{quote(run_id)}/hitlDetails")
    return found["hitl_details"][0]


def test_the_first_champion_waits_for_approval_through_the_api(trained_stack):
    run_id = trained_stack.awaiting_run(DAG, after=0)
    asked = request_of(trained_stack, run_id)
    assert asked["subject"].startswith(f"{MODEL}: promote version ")
    assert "(logistic) is the first champion with log_loss 0.0" in asked["body"]
    assert "| matthews_corrcoef | 0.9" in asked["body"]
    assert "Gates: worst_class_recall at least 0.8; matthews_corrcoef at least 0.85;" in asked["body"]
    assert history(trained_stack)[0]["verdict"] == "awaiting approval"
    assert all(version.current_stage == "None" for version in trained_stack.versions(model=MODEL))
    path = f"/api/v2/dags/{DAG}/dagRuns/{quote(run_id)}/taskInstances/approve/-1/hitlDetails"
    answer = trained_stack.airflow.client.patch(path, json={"chosen_options": ["Approve"], "params_input": {}})
    assert answer.is_success, answer.text
    assert trained_stack.finished_run(DAG, after=0)["state"] == "success"
    assert trained_stack.champion(MODEL) == "logistic"
    newest = history(trained_stack)[0]
    assert (newest["verdict"], newest["approver"], newest["from_version"]) == ("promoted", "admin", None)
    (version,) = trained_stack.production(MODEL)
    explained = trained_stack.podium("explain", version.version, DAG).stdout
    assert ", the first champion, approved by admin." in explained


def test_there_is_no_request_for_a_lead_that_is_not_significant(trained_stack):
    trained_stack.drop("curved.yaml", NOT_SIGNIFICANT, "wine")
    assert trained_stack.finished_run(DAG, after=1)["state"] == "success"
    newest = history(trained_stack)[0]
    assert newest["verdict"] == "kept"
    assert "(curved) has log_loss 0.0" in newest["reason"]
    assert "but the lead is not significant: p = 0." in newest["reason"]


def test_a_refusal_on_the_page_does_not_change_production_and_is_recorded(trained_stack, page):
    sharper = (trained_stack.root / "examples" / "wine_sharper.yaml").read_text()
    trained_stack.drop("sharper.yaml", sharper, "wine")
    run_id = trained_stack.awaiting_run(DAG, after=2)
    base = trained_stack.status["airflow"]["url"]
    page.goto(f"{base}/dags/{DAG}/runs/{quote(run_id)}/tasks/approve/required_actions")
    page.get_by_text("The corrected resampled t-test on the log_loss of cross-validation has p = 0.00").wait_for()
    page.get_by_role("button", name="Reject", exact=True).click()
    assert trained_stack.finished_run(DAG, after=2)["state"] == "success"
    newest = history(trained_stack)[0]
    assert (newest["verdict"], newest["approver"]) == ("refused", "admin")
    assert newest["reason"].endswith("; refused by admin")
    assert newest["from_version"] == newest["to_version"]
    assert trained_stack.champion(MODEL) == "logistic"
    wait_until(lambda: request_of(trained_stack, run_id)["response_received"], "Airflow has the answer")
