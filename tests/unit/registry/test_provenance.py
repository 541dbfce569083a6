"""The provenance of a run: the git commit and the Airflow task."""

from pathlib import Path

from podium.registry import provenance


def test_outside_a_task_and_outside_git_nothing_is_claimed(tmp_path):
    assert provenance.task_tags() == {}
    assert provenance.git_commit(tmp_path) == ""
    assert len(provenance.git_commit(Path(__file__).parent)) in {0, 40}
