"""Decide which configs of a folder to train, and why."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

from podium.configs.config import ClassifierConfig
from podium.configs.files import config_files, load_config
from podium.data.table import read_table
from podium.errors import InvalidFileError, Problem
from podium.files.writers import is_being_written
from podium.registry import tag_names
from podium.training.entry import Entry, failed_entry

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from podium.project import Project
    from podium.registry.client import Registry
    from podium.registry.versions import Version
    from podium.training.job import Job
    from podium.training.metric_check import MetricCheck

Action = Literal["train", "skip", "invalid", "failed"]


@dataclass(frozen=True)
class Item:
    """One candidate and what the plan does with it.

    Parameters
    ----------
    name : str
        The config's name.
    action : {"train", "skip", "invalid", "failed"}
        Train it; skip it, because its version exists or its file is still being written; its file is invalid; it has
        failed because of its own content.
    reason : str
        The reason, or the error.
    config : ClassifierConfig or None
        None for a file that cannot be read.
    identity : str
        The fingerprint of its training; empty for a file that cannot be read.
    """

    name: str
    action: Action
    reason: str
    config: ClassifierConfig | None = None
    identity: str = ""

    def line(self) -> str:
        """Return the item as a log line."""
        return self.reason if self.action == "invalid" else f"{self.action:5} {self.name}: {self.reason}"

    def entry(self, project: Project, commit: str, experiment: str, metrics: tuple[str, ...] = ()) -> dict[str, Any]:
        """Return the argument of its mapped task as JSON values: see :mod:`podium.training.entry`.

        Parameters
        ----------
        project : Project
            The checkout that the config's file is read from.
        commit, experiment, metrics
            As in :class:`podium.training.entry.Entry`; the same for every task, so they are looked up once.
        """
        if self.action != "train" or self.config is None:
            return failed_entry(self.name, self.reason)
        source = project.path(self.config.path).read_text(encoding="utf-8")
        return Entry(self.config, self.identity, source, commit, experiment, metrics).as_dict()


def plan(models: Registry, job: Job, *, retry_failed: bool = False, check: MetricCheck | None = None) -> list[Item]:
    """Decide for every config of a folder whether to train it.

    Parameters
    ----------
    models : Registry
        The pipeline's registry, which has the finished versions.
    job : Job
        The folder, the rows and the split.
    retry_failed : bool
        Also retrain configs that failed because of their own content.
    check : MetricCheck, optional
        The metrics that every new version must have.

    Returns
    -------
    list of Item
        Ordered by file name, then in the order of the grid points.
    """
    if not job.folder.is_dir():
        job.folder.mkdir(parents=True)
    read = list(_read(job))
    if not read:
        return []
    versions = models.versions()
    finished = {v.tags[tag_names.IDENTITY]: v for v in versions if tag_names.IDENTITY in v.tags}
    latest = {v.config: v for v in versions}
    faults = {} if retry_failed else models.own_faults()
    items = [_decide(job, one, finished, latest, faults) if isinstance(one, ClassifierConfig) else one for one in read]
    return [_checked(item, check) for item in items] if check else items


def _checked(item: Item, check: MetricCheck) -> Item:
    """Return the item with what its classifier lacks to be promoted; invalid if training has to compute that."""
    if item.action != "train" or item.config is None:
        return item
    if problem := check.problem(item.config):
        return replace(item, action="invalid", reason=str(problem))
    note = check.note(item.config)
    return replace(item, reason=f"{item.reason}; it cannot be promoted: {note}") if note else item


def _read(job: Job) -> Iterator[ClassifierConfig | Item]:
    """Yield every candidate, and an item for each file that cannot be read, or not yet."""
    columns = cache(lambda: read_table(job.dataset).kinds)
    taken: dict[str, Path] = {}
    for path in config_files(job.folder):
        shown = job.project.shown(path)
        if path.stem in taken:
            message = f"the config name {path.stem!r} is already used by {taken[path.stem].name}: rename one of them"
            yield Item(path.name, "invalid", str(Problem(shown, 1, 1, message)))
            continue
        taken[path.stem] = path
        if is_being_written(path):
            yield Item(path.stem, "skip", "its file is still being written")
            continue
        try:
            yield from load_config(path, job.project, columns)
        except InvalidFileError as error:
            yield Item(path.stem, "invalid", str(error))


def _decide(
    job: Job,
    config: ClassifierConfig,
    finished: Mapping[str, Version],
    latest: Mapping[str, Version],
    faults: Mapping[str, str],
) -> Item:
    key = job.identity(config)
    if version := finished.get(key):
        return Item(config.name, "skip", f"already trained as version {version.number}", config, key)
    if fault := faults.get(key):
        return Item(config.name, "failed", f"failed before: {fault}", config, key)
    previous = latest.get(config.name)
    return Item(config.name, "train", _changes_since(previous, job, config) if previous else "new", config, key)


def _changes_since(version: Version, job: Job, config: ClassifierConfig) -> str:
    now = {tag_names.CONFIG_DIGEST: config.digest, **job.tags}
    kinds = {"config": tag_names.CONFIG_DIGEST, "data": tag_names.DATA_DIGEST, "split": tag_names.SPLIT_DIGEST}
    changed = [what for what, tag in kinds.items() if version.tags.get(tag) != now[tag]]
    return f"{' and '.join(changed) or 'training revision or a package'} changed since version {version.number}"
