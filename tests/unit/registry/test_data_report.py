"""The data report in MLflow: with the record of the rows, on the training's run, and in the model card."""

import dataclasses
import json
import re

import pytest

from podium.promotion.report import CARD
from podium.registry.names import DATA


@pytest.fixture
def reported(lab, capsys):
    """A pipeline on a file with something to report, trained and promoted."""
    towns, kinds = ["bonn", "ulm", "", "köln"], ["no", "no", "yes", "no", "yes"]
    lines = [f"{'?' if i == 3 else i % 17},{towns[i % 4]},1,{kinds[i % 5]}" for i in range(300)]
    (lab.project.root / "rows.csv").write_text("\n".join(["size,town,same,kind", *lines]) + "\n")
    lab = dataclasses.replace(lab, dataset={"path": "rows.csv", "target": "kind"})
    lab.write("tree.yaml", "estimator: DecisionTreeClassifier\n")
    entries = lab.detect()
    logged = capsys.readouterr().out
    assert "data: column 'size': '?' is read as missing in 1 row" in logged
    assert "data: column 'same' is constant: 1 in every row" in logged
    lab.promote([lab.train(entry) for entry in entries], configs=entries)
    return lab


def test_the_report_is_with_the_record_of_the_rows_and_needs_no_network(reported):
    (record,) = reported.models.runs("attributes.status = 'FINISHED'", DATA)
    files = {file.path for file in reported.models.client.list_artifacts(record.info.run_id)}
    assert files >= {"report.json", "report.html", "training_rows.npy"}
    path = reported.models.client.download_artifacts(record.info.run_id, "report.json")
    with open(path, encoding="utf-8") as file:  # noqa: PTH123
        found = json.load(file)
    assert found["classes"] == {"no": 180, "yes": 120}
    assert "column 'size': '?' is read as missing in 1 row" in found["assumptions"]
    with open(reported.models.client.download_artifacts(record.info.run_id, "report.html"), encoding="utf-8") as file:  # noqa: PTH123
        page = file.read()
    assert "rows: 300 rows, 3 features, 2 classes" in page
    assert not re.search(r"""<(?:script|link|img|iframe)[^>]+(?:src|href)=["']?(?:https?:)?//""", page)


def test_the_training_and_the_card_have_the_key_facts(reported):
    (version,) = reported.models.versions()
    tags = reported.models.client.get_run(version.run_id).data.tags
    assert tags["podium.data_rows"] == "300 rows, 3 features, 2 classes"
    assert tags["podium.data_columns"] == "2 number, 1 category; 2 with missing values"
    assert "column 'same' is constant: 1 in every row" in tags["podium.data_notes"]
    path = reported.models.client.download_artifacts(version.run_id, CARD)
    with open(path, encoding="utf-8") as file:  # noqa: PTH123
        card = file.read()
    assert "### Data report" in card
    assert "- 300 rows, 3 features, 2 classes; 2 number, 1 category; 2 with missing values" in card
    assert "is read as missing in 1 row" in card
