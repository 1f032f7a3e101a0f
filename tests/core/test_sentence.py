"""lib.core.sentence: what is wrong with a user's input is told in a line, in a notebook too."""

import pytest

from lib.cirrus.cm1.launcher import RunnerError
from lib.cirrus.cm1.netcdf import UnreadableOutput
from lib.core.cache import DamagedCache
from lib.imaging.read.files import BadImage
from lib.notebook.run import RunError


@pytest.mark.parametrize("kind", [BadImage, DamagedCache, RunError, RunnerError, UnreadableOutput])
def test_a_notebook_shows_the_sentence_and_no_traceback(kind):
    assert kind("a.png is empty.")._render_traceback_() == [f"{kind.__name__}: a.png is empty."]
