"""The step of :mod:`podium.steps.deploy`, under the name that earlier specs use."""

from podium.steps.deploy import deploy_model

__all__ = ["deploy_model"]
