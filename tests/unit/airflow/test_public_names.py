"""The names of `podium.airflow`, what their import costs, and the old paths that stored objects still have."""

import importlib
import json
import subprocess
import sys
from types import SimpleNamespace

import pytest
from airflow.jobs.triggerer_job_runner import TriggerRunner
from airflow.models.trigger import Trigger
from airflow.sdk import Asset, AssetWatcher
from airflow.serialization.decoders import decode_asset_like, smart_decode_trigger_kwargs
from airflow.serialization.encoders import encode_asset_like

import podium.airflow
from podium.airflow import ConfigFolderTrigger
from tests.support.checkout import ROOT

HEAVY = {"mlflow", "sklearn", "pandas", "scipy", "skrub", "skops", "matplotlib"}
PUBLIC = ["ConfigFolderTrigger", "PromotionApproval", "keep_process", "load_dags", "report_problems", "show_error"]
OLD_PATHS = {
    "podium.watch.ConfigFolderTrigger": "podium.airflow.ConfigFolderTrigger",
    "podium.approval.PromotionApproval": "podium.airflow.PromotionApproval",
    "podium.callbacks.show_error": "podium.airflow.show_error",
    "podium.coordinator.keep_process": "podium.airflow.keep_process",
    "podium.coordinator.KeepingCoordinator": "podium.workers.coordinator.KeepingCoordinator",
    "podium.executor.WarmExecutor": "podium.workers.executor.WarmExecutor",
}


def loaded_by(code):
    """Return the modules that a Python process has loaded after running some code."""
    code += "\nimport json, sys; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


def named(path):
    module, name = path.rsplit(".", 1)
    return getattr(importlib.import_module(module), name)


def test_all_lists_exactly_the_public_names():
    assert podium.airflow.__all__ == PUBLIC
    for name in PUBLIC:
        assert getattr(podium.airflow, name).__name__ == name
    with pytest.raises(AttributeError, match=r"module 'podium.airflow' has no attribute 'other'"):
        _ = podium.airflow.other


def test_the_import_of_the_package_loads_none_of_its_modules():
    assert not [name for name in loaded_by("import podium.airflow") if name.startswith(("podium.airflow.", "airflow"))]


def test_no_public_name_loads_a_heavy_library():
    assert not HEAVY & loaded_by(f"from podium.airflow import {', '.join(PUBLIC)}")


def test_the_parse_of_the_dag_files_loads_no_heavy_library():
    files = [str(file) for file in sorted((ROOT / "dags").glob("*.py"))]
    assert files
    assert not HEAVY & loaded_by(f"import runpy\nfor file in {files}: runpy.run_path(file)")


@pytest.mark.parametrize(("old", "new"), OLD_PATHS.items())
def test_an_old_path_names_the_same_object(old, new):
    assert named(old) is named(new)


def test_airflow_creates_a_trigger_that_is_stored_under_its_old_path():
    stored = Trigger(classpath="podium.watch.ConfigFolderTrigger", kwargs={"folder": "config/iris"})
    runner = SimpleNamespace(trigger_cache={})
    found = TriggerRunner.get_trigger_by_classpath(runner, stored.classpath)
    trigger = found(**{key: smart_decode_trigger_kwargs(value) for key, value in stored.kwargs.items()})
    assert type(trigger) is ConfigFolderTrigger
    assert trigger.folder == "config/iris"


def test_airflow_reads_a_watcher_that_is_stored_under_its_old_path():
    watcher = AssetWatcher(name="w", trigger=ConfigFolderTrigger("config/iris", 1.0))
    stored = json.dumps(encode_asset_like(Asset("configs", watchers=[watcher])))
    assert "podium.airflow.ConfigFolderTrigger" in stored
    old = stored.replace("podium.airflow.ConfigFolderTrigger", "podium.watch.ConfigFolderTrigger")
    (read,) = decode_asset_like(json.loads(old)).watchers
    trigger = named(read.trigger["classpath"])(**read.trigger["kwargs"])
    assert trigger.serialize() == ConfigFolderTrigger("config/iris", 1.0).serialize()
