"""The job of a pipeline: the rows and the configs it trains on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from podium.data import splits
from podium.data.datasets import DatasetRef
from podium.data.splits import Split
from podium.registry import tag_names
from podium.training.fingerprint import fingerprint

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from podium.configs.config import ClassifierConfig
    from podium.project import Project


@dataclass(frozen=True)
class Job:
    """The rows and configs of a pipeline, from its spec.

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
        The folder of its configs.
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
        """Parse the arguments of a step as the spec gives them."""
        return cls(
            project=project,
            pipeline=pipeline,
            dataset=DatasetRef.from_spec(dataset, project.root),
            split=Split.from_spec(split),
            folder=project.path(folder) if folder else project.config / pipeline,
        )

    def as_spec(self) -> dict[str, Any]:
        """Return the arguments of :meth:`from_spec` that describe the rows."""
        return {"dataset": self.dataset.as_spec(self.project.root), "split": self.split.as_spec()}

    @property
    def shown_folder(self) -> str:
        """The folder's path as messages show it."""
        return self.project.shown(self.folder)

    def held_out_digest(self) -> str:
        """Return a digest of the held-out rows; only scores with the same digest can be compared."""
        return f"{self.dataset.digest()[:16]}-{splits.split_digest(self.split)[:16]}"

    @property
    def tags(self) -> dict[str, str]:
        """Tags of runs and versions that describe the rows."""
        return {
            tag_names.DATA: self.dataset.name,
            tag_names.DATA_DIGEST: self.dataset.digest(),
            tag_names.SPLIT_DIGEST: splits.split_digest(self.split),
        }

    def identity(self, config: ClassifierConfig) -> str:
        """Return the fingerprint of a config's training in this job."""
        return fingerprint(config, self.dataset.digest(), self.split)
