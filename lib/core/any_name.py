"""Tables that hold the names of any files: a name need not be Unicode, which strings in Arrow's memory must be.

pandas keeps strings in Arrow's memory where pyarrow is installed, and then no table can hold such a name. Importing this module
makes it keep them as Python does.
"""

import pandas as pd

pd.set_option("mode.string_storage", "python")
