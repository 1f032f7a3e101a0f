"""From files of the field to particles."""

import lib.core.any_name  # noqa: F401
