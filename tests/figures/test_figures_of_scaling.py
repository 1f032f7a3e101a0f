"""lib.figures.scaling: each kind of network has its points and its law; the shipped network and published ones are drawn."""

import numpy as np
import pandas as pd

from lib.evaluation.power_law import PowerLaw
from lib.figures import scaling

LAW = PowerLaw(0.5, 0.2)


def trials(*pictures):
    """Trials that have seen so many pictures and follow the law."""
    return pd.DataFrame({"pictures": pictures} | {name: 1 - LAW.error(np.array(pictures)) for name in scaling.ERRORS})


def test_the_panels_show_trials_laws_and_what_is_published():
    scores = dict.fromkeys(scaling.ERRORS, 0.98)
    kinds = {"narrow": trials(1e4, 1e5), "one": trials(3e4)}
    figure = scaling.scaling(kinds, scores | {"pictures": 1e6}, {"ResNet-18": scores, "CNN": scores})
    assert len(figure.axes) == len(scaling.ERRORS)
    for axis in figure.axes:
        assert axis.get_xscale() == axis.get_yscale() == "log"
        narrow, law, one, shipped, resnet, cnn = axis.get_lines()
        assert np.allclose(law.get_ydata(), LAW.error(law.get_xdata())) and law.get_xdata().max() > 1e7
        assert len(narrow.get_xdata()) == 2 and len(one.get_xdata()) == 1
        assert np.allclose([shipped.get_ydata()[0], *resnet.get_ydata(), *cnn.get_ydata()], 0.02)
    shown = [text.get_text() for text in figure.legends[0].get_texts()]
    assert shown == ["narrow", "one", "shipped network", "ResNet-18", "CNN"]
