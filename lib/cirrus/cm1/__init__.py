"""NCAR's cloud model CM1: its files, its runs."""

import lib.core.any_name  # noqa: F401
