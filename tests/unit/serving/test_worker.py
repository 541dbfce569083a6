"""The inference server against requests that schemathesis generates from its OpenAPI document."""

import warnings

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.support.served import Served

CHECKS = [not_a_server_error, content_type_conformance, response_schema_conformance, status_code_conformance]


@pytest.fixture(scope="module")
def served(hall):
    hall.models.set_production(2)
    with Served(hall.project, "hall") as server:
        server.line("serving version")
        yield server


@pytest.mark.parametrize("mode", [schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE])
def test_responses_conform_to_the_openapi_document(served, mode):
    schema = schemathesis.openapi.from_url(f"{served.url}/openapi.json")
    statuses = set()
    for result in schema.get_all_operations():
        operation = result.ok()
        if mode is schemathesis.GenerationMode.NEGATIVE and operation.path != "/invocations":
            continue  # these requests have no parameters that could be invalid

        @settings(
            max_examples=80 if operation.path == "/invocations" else 5,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def conforms(case):
            response = case.call()
            statuses.add((case.operation.path, response.status_code))
            case.validate_response(response, checks=CHECKS)

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            conforms()
    # MLflow accepts some bodies beyond the document, but not all.
    assert ("/invocations", 200 if mode is schemathesis.GenerationMode.POSITIVE else 400) in statuses
