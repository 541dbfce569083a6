"""The watched folder: which changes start a run, on a real file system."""

import asyncio
import contextlib
import functools
import json
import shutil
import time

import pytest

from podium.airflow import delivery
from podium.airflow import trigger as module
from podium.airflow.trigger import ConfigFolderTrigger
from podium.files import writers
from tests.support.patience import PATIENCE

GOOD = "estimator: GaussianNB\n"
SPEC = """
iris_train:
  schedule:
    - __type__: airflow.sdk.Asset
      name: iris_configs
      watchers:
        - __type__: airflow.sdk.AssetWatcher
          trigger: {__type__: podium.watch.ConfigFolderTrigger, folder: ./config/iris/}
"""
STARTED = 0.4  # seconds until the file system's notifications are set up
QUIET = 1.0  # seconds in which an event would have arrived


class Store:
    """Airflow's asset state store, in memory."""

    def __init__(self):
        self.values = {}

    async def aget(self, key):
        return self.values.get(key)

    async def aset(self, key, value):
        self.values[key] = json.loads(json.dumps(value))


@pytest.fixture
def folder(project):
    return project.config / "iris"


@contextlib.asynccontextmanager
async def watching(store=None, rescan_seconds=3600.0):
    """Run a trigger; yields a queue of the file names of each event."""
    trigger = ConfigFolderTrigger("config/iris", rescan_seconds)
    trigger.asset_state_store = store
    events = asyncio.Queue()

    async def collect():
        async for event in trigger.run():
            events.put_nowait(event.payload["changed"])

    task = asyncio.create_task(collect())
    await asyncio.sleep(STARTED)
    try:
        yield events
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def event(events):
    return await asyncio.wait_for(events.get(), PATIENCE)


async def nothing(events, seconds=QUIET):
    await asyncio.sleep(seconds)
    assert events.empty(), events.get_nowait()


def asynchronous(test):
    """Run a test that is a coroutine."""

    @functools.wraps(test)
    def run(**fixtures):
        asyncio.run(test(**fixtures))

    return run


@asynchronous
async def test_a_burst_of_files_is_one_event_and_the_folder_is_created(folder):
    async with watching() as events:
        assert folder.is_dir()
        for number in range(20):
            (folder / f"c{number:02}.yaml").write_text(GOOD)
            await asyncio.sleep(0.01)
        assert await event(events) == [f"c{number:02}.yaml" for number in range(20)]
        await nothing(events)


@asynchronous
async def test_a_change_and_a_rename_into_the_folder_are_events(folder, tmp_path):
    async with watching() as events:
        (tmp_path / "draft").write_text(GOOD)
        (tmp_path / "draft").rename(folder / "moved.yml")
        assert await event(events) == ["moved.yml"]
        (folder / "moved.yml").write_text("estimator: GaussianNB\nparams: {}\n")
        assert await event(events) == ["moved.yml"]


@asynchronous
async def test_temporary_files_of_editors_and_removed_files_are_no_events(folder):
    folder.mkdir(parents=True)
    (folder / "nb.yaml").write_text(GOOD)
    async with watching() as events:
        assert await event(events) == ["nb.yaml"]
        for name in (".nb.yaml.swp", "nb.yaml~", "#nb.yaml#", ".#nb.yaml", "nb.yaml.tmp", "notes.txt"):
            (folder / name).write_text(GOOD)
        (folder / "a_folder.yaml").mkdir()
        (folder / "nb.yaml").unlink()
        await nothing(events)
        (folder / "nb.yaml").write_text(GOOD)
        assert await event(events) == ["nb.yaml"], "the file exists again"


@asynchronous
async def test_the_trigger_waits_for_the_rest_of_a_file(folder):
    async with watching() as events:
        with (folder / "nb.json").open("w") as file:
            file.write('{"estimator": ')
            file.flush()
            await nothing(events)
            file.write('"GaussianNB"}')
        assert await event(events) == ["nb.json"]


@asynchronous
async def test_a_writer_that_pauses_is_waited_for_and_delays_no_other_file(folder):
    async with watching(rescan_seconds=0.2) as events:
        with (folder / "forest.yaml").open("w") as file:
            for line in ("estimator: RandomForestClassifier", "params:", "  n_estimators: 20"):
                file.write(f"{line}\n")
                file.flush()
                (folder / f"{len(line)}.yaml").write_text(GOOD)
                assert await event(events) == [f"{len(line)}.yaml"]
                await nothing(events, 0.5)
        assert await event(events) == ["forest.yaml"]
        await nothing(events)


@asynchronous
async def test_a_file_that_stays_open_is_an_event_in_the_end(folder, monkeypatch):
    monkeypatch.setattr(writers, "LONGEST_WAIT", 0.6)
    async with watching(rescan_seconds=0.2) as events:
        with (folder / "nb.yaml").open("w") as file:
            file.write(GOOD)
            file.flush()
            assert await event(events) == ["nb.yaml"]
        await nothing(events)


@asynchronous
async def test_where_open_files_are_unknown_a_file_is_quiet_for_as_long_as_it_was_written(folder, monkeypatch):
    monkeypatch.setattr(module, "is_open_for_writing", lambda _: None)
    monkeypatch.setattr(writers, "is_open_for_writing", lambda _: None)
    async with watching(rescan_seconds=0.1) as events:
        started = time.monotonic()
        for _ in range(8):
            (folder / "nb.yaml").write_text('{"estimator": ')
            await asyncio.sleep(0.2)
        (folder / "nb.yaml").write_text(GOOD)
        written = time.monotonic() - started
        assert await event(events) == ["nb.yaml"]
        assert time.monotonic() - started > 1.5 * written


@asynchronous
async def test_the_file_that_another_one_of_its_name_kept_out_is_an_event_when_that_one_is_removed(folder):
    store = Store()
    folder.mkdir(parents=True)
    (folder / "a.json").write_text('{"estimator": "GaussianNB"}')
    (folder / "a.yaml").write_text(GOOD)
    (folder / "b.yaml").write_text(GOOD)
    async with watching(store, rescan_seconds=0.2) as events:
        assert await event(events) == ["a.json", "a.yaml", "b.yaml"]
        (folder / "a.json").unlink()
        assert await event(events) == ["a.yaml"]
        await nothing(events)


@asynchronous
async def test_a_file_that_stays_invalid_is_an_event_in_the_end(folder, monkeypatch):
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.6)
    async with watching(rescan_seconds=0.2) as events:
        (folder / "nb.json").write_text('{"estimator": ')
        assert await event(events) == ["nb.json"]


@asynchronous
async def test_files_dropped_while_no_trigger_runs_are_one_event(folder):
    store = Store()
    folder.mkdir(parents=True)
    (folder / "before.yaml").write_text(GOOD)
    async with watching(store, rescan_seconds=0.2) as events:
        assert await event(events) == ["before.yaml"]
        await nothing(events)
    (folder / "away.yaml").write_text(GOOD)
    async with watching(store, rescan_seconds=0.2) as events:
        assert await event(events) == ["away.yaml"]
        await nothing(events)
    async with watching(store, rescan_seconds=0.2) as events:
        await nothing(events)


@asynchronous
async def test_an_event_that_was_not_taken_is_repeated(folder):
    """The triggerer died before it passed the event on."""
    store = Store()
    folder.mkdir(parents=True)
    (folder / "nb.yaml").write_text(GOOD)
    for _ in range(2):
        trigger = ConfigFolderTrigger("config/iris")
        trigger.asset_state_store = store
        looking = trigger.run()
        assert (await anext(looking)).payload == {"folder": "config/iris", "changed": ["nb.yaml"]}
        await looking.aclose()


@asynchronous
async def test_an_event_that_starts_no_run_is_repeated_until_the_dag_is_unpaused(folder, project, monkeypatch):
    runs = {"all": 3, "active": 0}

    async def count(dag_id, states):
        assert dag_id == "iris_train"
        return runs["active" if states else "all"]

    monkeypatch.setattr(delivery, "_count", count)
    monkeypatch.setattr(delivery, "REPEAT_SECONDS", 0.5)
    (project.dag_specs / "iris_train.yaml").write_text(SPEC)
    store = Store()
    async with watching(store, rescan_seconds=0.1) as events:
        (folder / "nb.yaml").write_text(GOOD)
        assert await event(events) == ["nb.yaml"]
        assert await event(events) == ["nb.yaml"], "no run has followed"
        runs["active"] = 1
        await nothing(events)
    assert not store.values
    runs["active"] = 0
    async with watching(store, rescan_seconds=0.1) as events:
        assert await event(events) == ["nb.yaml"], "the DAG was unpaused, which starts its trigger"
        runs["all"] += 1
        await nothing(events)
    assert list(store.values[module.REPORTED]) == ["nb.yaml"]


@asynchronous
async def test_a_file_system_without_notifications_is_checked_at_the_interval(folder, tmp_path, monkeypatch):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    notifying = module.awatch
    monkeypatch.setattr(module, "awatch", lambda _, **options: notifying(elsewhere, **options))
    async with watching(rescan_seconds=0.3) as events:
        (folder / "nb.yaml").write_text(GOOD)
        assert await event(events) == ["nb.yaml"]


@asynchronous
async def test_without_inotify_watches_the_folder_is_polled(folder, monkeypatch):
    modes = []
    notifying = module.awatch

    def exhausted(path, **options):
        modes.append(options["force_polling"])
        if not options["force_polling"]:
            raise OSError("OS file watch limit reached")
        return notifying(path, **options)

    monkeypatch.setattr(module, "awatch", exhausted)
    async with watching(rescan_seconds=0.2) as events:
        (folder / "nb.yaml").write_text(GOOD)
        assert await event(events) == ["nb.yaml"]
    assert modes == [None, True]


@asynchronous
async def test_a_removed_folder_is_created_again_and_watched(folder):
    async with watching(rescan_seconds=0.3) as events:
        shutil.rmtree(folder)
        async with asyncio.timeout(PATIENCE):
            while not folder.is_dir():  # noqa: ASYNC110 - no event says so
                await asyncio.sleep(0.1)
        (folder / "nb.yaml").write_text(GOOD)
        assert await event(events) == ["nb.yaml"]


def test_airflow_can_create_the_trigger_again():
    path, arguments = ConfigFolderTrigger("config/iris", 1.0).serialize()
    module, name = path.rsplit(".", 1)
    assert (module, name) == ("podium.airflow", "ConfigFolderTrigger")
    assert ConfigFolderTrigger(**arguments).serialize() == (path, arguments)
