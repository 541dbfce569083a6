"""The steps that a config's ``preprocess`` names, by what they do in place of Podium's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from podium.configs import building
from podium.errors import PodiumError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

#: ``{class name: parameters}``.
Step: TypeAlias = "Mapping[str, Any]"

ENCODERS = ("OneHotEncoder", "OrdinalEncoder", "TargetEncoder")
IMPUTERS = ("KNNImputer", "SimpleImputer")
# A column on some scale is on a similar one after these.
KEEP_THE_SCALE = (*IMPUTERS, "OrdinalEncoder", "TargetEncoder")
SCALERS = (
    "MaxAbsScaler",
    "MinMaxScaler",
    "Normalizer",
    "PowerTransformer",
    "QuantileTransformer",
    "RobustScaler",
    "StandardScaler",
)
# What these do depends on the scale of their input, or they take no negative numbers.
NEED_RAW_VALUES = (
    "AdditiveChi2Sampler",
    "Binarizer",
    "KBinsDiscretizer",
    "LatentDirichletAllocation",
    "MiniBatchNMF",
    "NMF",
    "SkewedChi2Sampler",
    "VarianceThreshold",
)
# Parameters that an encoder has here unless the config sets them: a category may be new after training.
FOR_NEW_CATEGORIES: dict[str, dict[str, Any]] = {
    "OneHotEncoder": {"handle_unknown": "ignore"},
    "OrdinalEncoder": {"handle_unknown": "use_encoded_value", "unknown_value": -1},
}


@dataclass(frozen=True)
class OwnSteps:
    """A config's ``preprocess``.

    Parameters
    ----------
    by_column : tuple of (columns, steps)
        Steps for some columns, in place of all that Podium does with them.
    encoding : tuple of Step
        The steps up to the last encoder: they encode the categories in place of Podium.
    rest : tuple of Step
        The steps after it, for all columns.
    """

    by_column: tuple[tuple[tuple[str, ...], tuple[Step, ...]], ...] = ()
    encoding: tuple[Step, ...] = ()
    rest: tuple[Step, ...] = ()

    @classmethod
    def of(cls, preprocess: Sequence[Mapping[str, Any]], known: Collection[str]) -> OwnSteps:
        """Sort the steps of a config for a data set with these columns.

        Raises
        ------
        PodiumError
            If steps for some columns come after steps for all, or a column does not exist or has two lists of steps.
        """
        by_column = [(tuple(step["columns"]), tuple(step["steps"])) for step in preprocess if "columns" in step]
        if any("columns" in step for step in preprocess[len(by_column) :]):
            raise PodiumError("preprocess: steps with `columns` must come before the steps for all columns")
        listed = [column for columns, _ in by_column for column in columns]
        if twice := sorted({column for column in listed if listed.count(column) > 1}):
            raise PodiumError(f"preprocess: the column {twice[0]!r} has steps twice")
        if unknown := [column for column in listed if column not in known]:
            raise PodiumError(f"preprocess: there is no column {unknown[0]!r}{did_you_mean(unknown[0], known)}")
        on_all = tuple(preprocess[len(by_column) :])
        end = max((at + 1 for at, step in enumerate(on_all) if encodes(step)), default=0)
        return cls(tuple(by_column), on_all[:end], on_all[end:])

    @property
    def columns(self) -> list[str]:
        """The columns that have steps of their own."""
        return [column for columns, _ in self.by_column for column in columns]

    @property
    def on_all(self) -> tuple[Step, ...]:
        """The steps for all columns."""
        return self.encoding + self.rest

    @property
    def impute(self) -> bool:
        """Whether they impute missing numbers of all columns."""
        return any(name_of(step) in IMPUTERS for step in self.on_all)

    @property
    def set_the_scale(self) -> bool:
        """Whether the columns must not be scaled before them, or are scaled by them."""
        return any(map(sets_the_scale, self.on_all))


def name_of(step: Step) -> str:
    """Return the class name of a step."""
    return next(iter(step))


def encodes(step: Step) -> bool:
    """Return whether a step encodes categories."""
    return name_of(step) in ENCODERS


def sets_the_scale(step: Step) -> bool:
    """Return whether a step scales its columns, or requires that they are not scaled."""
    ((name, params),) = step.items()
    return name in SCALERS or name in NEED_RAW_VALUES or params.get("score_func") == "chi2"


def instances(steps: Sequence[Step], seed: int) -> list[Any]:
    """Return the transformers of some steps; encoders take new categories unless their parameters say otherwise."""
    found = []
    for step in steps:
        ((name, params),) = step.items()
        given = params if "handle_unknown" in params else {**FOR_NEW_CATEGORIES.get(name, {}), **params}
        found.append(building.build_step({name: given}, seed))
    return found
