"""The classes that configs of a project can name, and their parameters: the packaged ones and the project's own."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from podium.configs import own_code, parameters
from podium.configs.own_code import ESTIMATORS, METRICS, TRANSFORMERS, Entry, OwnCode
from podium.configs.parameters import ParameterTable, table_of
from podium.errors import Problem

if TYPE_CHECKING:
    from podium.project import Project


@dataclass(frozen=True)
class Vocabulary:
    """The names of a project. A packaged class takes precedence over an own one of the same name.

    Parameters
    ----------
    own : OwnCode
        The project's own classes.
    """

    own: OwnCode = field(default_factory=OwnCode)

    @classmethod
    def of(cls, project: Project) -> Vocabulary:
        """Return the names of a project."""
        return cls(own_code.of(project))

    @classmethod
    def current(cls) -> Vocabulary:
        """Return the names of the project of this process."""
        return cls(own_code.current())

    def classifiers(self) -> frozenset[str]:
        """Return the classifiers that a config can name."""
        return parameters.classifier_names().union(self.own.names(ESTIMATORS))

    def transformers(self) -> frozenset[str]:
        """Return the transformers that a config can name."""
        return parameters.transformer_names().union(self.own.names(TRANSFORMERS))

    def parameters_of(self, name: str) -> ParameterTable:
        """Return the parameters of a class.

        Raises
        ------
        PodiumError
            If it is an own class that cannot be imported.
        """
        if entry := self.own_entry(name):
            return table_of(name, self._definition(entry))
        return parameters.parameters_of(name)

    def required_parameters(self, name: str) -> tuple[str, ...]:
        """Return the required parameters of a class."""
        if entry := self.own_entry(name):
            return tuple(self._definition(entry)["required"])
        return parameters.required_parameters(name)

    def problems(self) -> list[Problem]:
        """Return the mistakes in the project's declarations, without importing anything."""
        taken = parameters.classifier_names() | parameters.transformer_names()
        found = list(self.own.problems)
        for entry in self.own.entries:
            if entry.position and entry.kind != METRICS and entry.name in taken:
                words = f"[tool.podium] {entry.kind}: {entry.name} is the name of a packaged class: rename yours"
                found.append(Problem(*entry.position, words))
        return found

    def own_entry(self, name: str) -> Entry | None:
        """Return the declaration of an own class; None for a packaged one."""
        if name in parameters.classifier_names() or name in parameters.transformer_names():
            return None
        return self.own.find(name, ESTIMATORS, TRANSFORMERS)

    def _definition(self, entry: Entry) -> dict[str, Any]:
        return _definition(self.own.load(entry))


@cache
def _definition(class_: type) -> dict[str, Any]:
    from podium.configs import constraints

    return constraints.definition(class_) | {"required": constraints.required(class_)}
