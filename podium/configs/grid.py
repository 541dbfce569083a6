"""The parameters that ``grid`` can name: the classifier's, those of its steps, and those of classifiers inside it.

``max_depth`` is a parameter of the classifier itself. As in scikit-learn, two underscores lead inside:
``PCA__n_components`` to a step of ``preprocess``, ``estimator__max_depth`` to a classifier that is a parameter, and
``svm__C`` to the one that ``estimators`` calls ``svm``.
"""

from __future__ import annotations

import copy
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from podium.configs.vocabulary import Vocabulary
from podium.errors import PodiumError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

#: Keys and indices from the top of a parsed config to a value in it.
Place: TypeAlias = tuple[str | int, ...]

INSIDE = "__"


@dataclass(frozen=True)
class Part:
    """A classifier or a step of a parsed config.

    Parameters
    ----------
    class_name : str
        Its class.
    params : dict
        Its parameters.
    params_at : Place
        Where they are.
    preprocess : list of dict
        The steps before a classifier.
    preprocess_at : Place
        Where they are.
    vocabulary : Vocabulary
        The classes and their parameters.
    """

    class_name: str
    params: Mapping[str, Any]
    params_at: Place = ("params",)
    preprocess: Sequence[Mapping[str, Any]] = field(default_factory=list)
    preprocess_at: Place = ("preprocess",)
    vocabulary: Vocabulary = field(default_factory=Vocabulary)

    def locate(self, name: str) -> tuple[Part, str]:
        """Return the part that has a parameter, and the parameter's name there.

        Parameters
        ----------
        name : str
            A key of ``grid``.

        Raises
        ------
        PodiumError
            If no part has the name before the first two underscores.
        """
        head, is_inside, rest = name.partition(INSIDE)
        if not is_inside:
            return self, name
        parts = self._parts()
        if head not in parts:
            raise PodiumError(self._absent(head, name, parts))
        return parts[head].locate(rest)

    def _parts(self) -> dict[str, Part]:
        steps = list(self.steps())
        count = Counter(step.class_name for step in steps)
        seen: Counter[str] = Counter()
        parts = {}
        for step in steps:
            seen[step.class_name] += 1
            several = f"-{seen[step.class_name]}" if count[step.class_name] > 1 else ""
            parts[step.class_name + several] = step
        return parts | dict(self._classifiers())

    def steps(self) -> Iterator[Part]:
        """Yield the steps before a classifier, those by column too, in order."""
        for at, item in enumerate(self.preprocess):
            place: Place = (*self.preprocess_at, at)
            if "columns" in item:
                yield from replace(self, preprocess=item["steps"], preprocess_at=(*place, "steps")).steps()
            else:
                ((name, params),) = item.items()
                yield Part(name, params, (*place, name), vocabulary=self.vocabulary)

    def _classifiers(self) -> Iterator[tuple[str, Part]]:
        table = self.vocabulary.parameters_of(self.class_name)
        for name, value in self.params.items():
            parameter = table.get(name)
            if parameter is None or not isinstance(value, dict):
                continue
            if parameter.nested == "estimators":
                for key, inner in value.items():
                    if isinstance(inner, dict):
                        yield key, self._nested(inner, (*self.params_at, name, key))
            elif parameter.nested == "estimator":
                yield name, self._nested(value, (*self.params_at, name))

    def _nested(self, value: Mapping[str, Any], place: Place) -> Part:
        return Part(
            value["estimator"],
            value["params"],
            (*place, "params"),
            value["preprocess"],
            (*place, "preprocess"),
            self.vocabulary,
        )

    def _absent(self, head: str, name: str, parts: Mapping[str, Part]) -> str:
        parameter = self.vocabulary.parameters_of(self.class_name).get(head)
        if parameter is not None and parameter.nested == "estimator":
            example = f"params: {{{head}: DecisionTreeClassifier}}"
            return f"{name} is a parameter of {head}, which params does not have: add it, as in {example}"
        several = [part for part in parts if part.startswith(f"{head}-")]
        if several:
            options = " or ".join(f"{part}{name[len(head) :]}" for part in several)
            return f"preprocess has {len(several)} steps {head}: write {options}"
        known = did_you_mean(head, parts) or (f": known are {', '.join(parts)}" if parts else "")
        return f"{self.class_name} has no step or classifier {head!r} inside it{known}"


def with_values(content: Mapping[str, Any], values: Mapping[Place, Any]) -> dict[str, Any]:
    """Return a copy of a parsed config's content with other values at some places."""
    changed: dict[str, Any] = copy.deepcopy(dict(content))
    for place, value in values.items():
        inner: Any = changed
        for step in place[:-1]:
            inner = inner[step]
        inner[place[-1]] = value
    return changed
