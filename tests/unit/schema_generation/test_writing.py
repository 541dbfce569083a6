"""The schemas of this repository."""

from podium.schema_generation import writing
from tests.support.specs import SHIPPED


def test_the_schemas_in_the_repository_are_current():
    assert writing.stale(SHIPPED) == {}
