"""The step of :mod:`podium.steps.detect`, under the name that earlier specs use."""

from podium.steps.detect import detect_configs

__all__ = ["detect_configs"]
