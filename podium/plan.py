"""Which configs of a folder have to be trained, and why."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from podium import identity, registry
from podium.configs import ClassifierConfig, config_files, load_config
from podium.data import DatasetRef, Split
from podium.problems import InvalidFileError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from podium.project import Project

Action = Literal["train", "skip", "invalid", "failed"]


@dataclass(frozen=True)
class Job:
    """What a pipeline trains on, as its spec says.

    Parameters
    ----------
    project : Project
        The checkout.
    pipeline : str
        Name of the pipeline.
    dataset : DatasetRef
        The rows.
    split : Split
        How they are divided.
    folder : pathlib.Path
        Where its configs lie.
    """

    project: Project
    pipeline: str
    dataset: DatasetRef
    split: Split
    folder: Path

    @classmethod
    def from_spec(
        cls,
        project: Project,
        pipeline: str,
        dataset: str | Mapping[str, Any],
        split: Mapping[str, Any] | None = None,
        folder: str | None = None,
    ) -> Job:
        """Read a step's arguments as they stand in a spec."""
        return cls(
            project=project,
            pipeline=pipeline,
            dataset=DatasetRef.from_spec(dataset, project.root),
            split=Split.from_spec(split),
            folder=project.path(folder) if folder else project.config / pipeline,
        )

    def as_spec(self) -> dict[str, Any]:
        """Return the rows as :meth:`from_spec` reads them."""
        return {"dataset": self.dataset.as_spec(self.project.root), "split": asdict(self.split)}

    @property
    def shown_folder(self) -> str:
        """The folder as messages show it."""
        return self.project.shown(self.folder)

    def held_out_digest(self) -> str:
        """Return what identifies the held-out rows: scores compare only where it is the same."""
        return f"{self.dataset.digest()[:16]}-{identity.split_digest(self.split)[:16]}"

    @property
    def tags(self) -> dict[str, str]:
        """What runs and versions say of the rows."""
        return {
            registry.DATA: self.dataset.name,
            registry.DATA_DIGEST: self.dataset.digest(),
            registry.SPLIT_DIGEST: identity.split_digest(self.split),
        }

    def identity(self, config: ClassifierConfig) -> str:
        """Return what a training of a config in this job is known by."""
        return identity.identity(config.name, config.digest, self.dataset.digest(), self.split)


@dataclass(frozen=True)
class Item:
    """One candidate and what becomes of it.

    Parameters
    ----------
    name : str
        The config's name.
    action : {"train", "skip", "invalid", "failed"}
        Train it; its version is there; its file cannot be read; it failed before by its own fault.
    reason : str
        Why, or the error.
    config : ClassifierConfig or None
        None for a file that cannot be read.
    identity : str
        Empty for a file that cannot be read.
    """

    name: str
    action: Action
    reason: str
    config: ClassifierConfig | None = None
    identity: str = ""

    def line(self) -> str:
        """Return the item as one line of a log."""
        return self.reason if self.action == "invalid" else f"{self.action:5} {self.name}: {self.reason}"

    def entry(self, project: Project, commit: str, experiment: str) -> dict[str, Any]:
        """Return what a mapped task gets of it, as JSON values.

        Parameters
        ----------
        project : Project
            Where the text of the config's file, ``source``, is read.
        commit, experiment : str
            What is the same for every task, and looked up once: see :class:`podium.recording.Attempt`.
        """
        if self.action != "train" or self.config is None:
            return {"name": self.name, "error": self.reason}
        return {
            "name": self.name,
            "config": self.config.as_dict(),
            "identity": self.identity,
            "source": project.path(self.config.path).read_text(encoding="utf-8"),
            "commit": commit,
            "experiment": experiment,
        }


def plan(job: Job, *, retry_failed: bool = False, models: registry.Registry | None = None) -> list[Item]:
    """Decide for every config of a folder whether it has to be trained.

    Parameters
    ----------
    job : Job
        The folder, the rows and the split.
    retry_failed : bool
        Train again what failed before by its own fault.
    models : Registry, optional
        Where finished versions are looked up.

    Returns
    -------
    list of Item
        By name of the file, grid points in their order.
    """
    if not job.folder.is_dir():
        job.folder.mkdir(parents=True)
    read = list(_read(job))
    if not read:
        return []
    models = models or registry.Registry(job.pipeline)
    versions = models.versions()
    finished = {v.tags[registry.IDENTITY]: v for v in versions if registry.IDENTITY in v.tags}
    latest = {v.config: v for v in versions}
    faults = {} if retry_failed else models.own_faults()
    return [
        _decide(job, one, finished, latest, faults)
        if isinstance(one, ClassifierConfig)
        else Item(one.name, "invalid", one.error)
        for one in read
    ]


@dataclass(frozen=True)
class Unreadable:
    """A config file that cannot be read, and what is wrong with it."""

    name: str
    error: str


def _read(job: Job) -> Iterator[ClassifierConfig | Unreadable]:
    taken: dict[str, Path] = {}
    for path in config_files(job.folder):
        shown = job.project.shown(path)
        if path.stem in taken:
            message = f"a config named {path.stem!r} is in {taken[path.stem].name} already: rename one of them"
            yield Unreadable(path.name, str(Problem(shown, 1, 1, message)))
            continue
        taken[path.stem] = path
        try:
            yield from load_config(path, job.project)
        except InvalidFileError as error:
            yield Unreadable(path.stem, str(error))


def _decide(
    job: Job,
    config: ClassifierConfig,
    finished: Mapping[str, registry.Version],
    latest: Mapping[str, registry.Version],
    faults: Mapping[str, str],
) -> Item:
    key = job.identity(config)
    if key in finished:
        return Item(config.name, "skip", f"version {finished[key].number} is there", config, key)
    if key in faults:
        return Item(config.name, "failed", f"failed before: {faults[key]}", config, key)
    before = latest.get(config.name)
    return Item(config.name, "train", _what_changed(job, config, before) if before else "new", config, key)


def _what_changed(job: Job, config: ClassifierConfig, before: registry.Version) -> str:
    now = {registry.CONFIG_DIGEST: config.digest, **job.tags}
    kinds = {"config": registry.CONFIG_DIGEST, "data": registry.DATA_DIGEST, "split": registry.SPLIT_DIGEST}
    changed = [what for what, tag in kinds.items() if before.tags.get(tag) != now[tag]]
    return f"{' and '.join(changed) or 'training code'} changed since version {before.number}"
