"""The step of :mod:`podium.steps.train`, under the name that earlier specs use."""

from podium.steps.train import train_classifier

__all__ = ["train_classifier"]
