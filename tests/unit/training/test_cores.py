"""The number of threads of a training."""

import json
import os
import subprocess
import sys

import joblib
import pytest
from threadpoolctl import threadpool_info

from podium.settings import SHARE_CORES
from podium.training import cores
from podium.training.cores import LARGE, Cores


@pytest.fixture(autouse=True)
def eight_cores(monkeypatch):
    monkeypatch.setattr(joblib, "cpu_count", lambda: 8)
    monkeypatch.setenv(SHARE_CORES, "1")


def threads():
    import sklearn.ensemble  # noqa: F401 - loads OpenMP

    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "openmp"}


def test_a_training_alone_has_all_cores_and_many_share_them(tmp_path):
    mine, other, third = Cores(tmp_path), Cores(tmp_path), Cores(tmp_path)
    with mine.claimed():
        assert mine.divide() == 8
        with other.claimed():
            assert mine.divide() == other.divide() == 4
            with third.claimed():
                assert mine.divide() == 2
        assert mine.divide() == 8
    assert list(tmp_path.iterdir()) == []


def test_each_training_has_a_core_when_more_run_than_there_are(tmp_path, monkeypatch):
    monkeypatch.setattr(joblib, "cpu_count", lambda: 1)
    mine, other = Cores(tmp_path), Cores(tmp_path)
    with mine.claimed(), other.claimed():
        assert mine.divide() == 1


def test_a_killed_training_does_not_count(tmp_path):
    code = f"""if True:
        import os, pathlib
        from podium.training.cores import Cores
        with Cores(pathlib.Path({str(tmp_path)!r})).claimed():
            os.kill(os.getpid(), 9)
    """
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -9
    assert len(list(tmp_path.iterdir())) == 1
    mine = Cores(tmp_path)
    with mine.claimed():
        assert mine.divide() == 8


def test_fits_of_many_rows_have_the_threads_only_inside(tmp_path):
    before = threads()
    with cores.shared(tmp_path, LARGE):
        cores.divide()
        assert threads() == {8}
    assert threads() == before
    cores.divide()
    assert threads() == before


def test_the_users_number_of_threads_and_that_of_small_trainings_stay(tmp_path, monkeypatch):
    before = threads()
    with cores.shared(tmp_path, LARGE - 1):
        cores.divide()
        assert threads() == before
    monkeypatch.delenv(SHARE_CORES)
    with cores.shared(tmp_path, LARGE):
        cores.divide()
        assert threads() == before


def test_a_fork_of_a_process_that_has_used_one_thread_can_use_more():
    code = """if True:
        import json, os, pathlib, tempfile
        import numpy as np, joblib
        from sklearn.ensemble import HistGradientBoostingClassifier
        from podium.training import cores
        x = np.random.default_rng(0).normal(size=(2000, 5))
        HistGradientBoostingClassifier(max_iter=2).fit(x, x[:, 0] > 0)
        joblib.cpu_count = lambda: 2
        for _ in range(2):
            child = os.fork()
            if not child:
                with tempfile.TemporaryDirectory() as folder, cores.shared(pathlib.Path(folder), cores.LARGE):
                    cores.divide()
                    HistGradientBoostingClassifier(max_iter=2).fit(x, x[:, 0] > 0)
                os._exit(0)
            assert os.waitpid(child, 0)[1] == 0
        print(json.dumps("done"))
    """
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", SHARE_CORES: "1"}
    environment["OMP_WAIT_POLICY"] = "PASSIVE"
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert json.loads(done.stdout or "null") == "done", done.stderr
