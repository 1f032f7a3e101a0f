"""The helper package of the notebooks."""

from pathlib import Path

from lib.core.kernels import forget_changed

forget_changed(Path(__file__).parent)
