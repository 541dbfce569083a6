"""The step of :mod:`podium.steps.promote`, under the name that earlier specs use."""

from podium.steps.promote import promote_best

__all__ = ["promote_best"]
