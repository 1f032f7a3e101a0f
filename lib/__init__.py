"""The helper package of the notebooks."""

from pathlib import Path

from lib.core.kernels import keep_kernels
from lib.core.spare import keep_fonts

keep_kernels(Path(__file__).parent)
keep_fonts()
