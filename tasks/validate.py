"""The step of :mod:`podium.steps.validate`, under the name that earlier specs use."""

from podium.steps.validate import list_versions, validate_version

__all__ = ["list_versions", "validate_version"]
