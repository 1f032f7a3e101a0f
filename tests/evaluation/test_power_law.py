"""lib.evaluation.power_law: a law is found again from what follows it."""

import numpy as np
import pytest

from lib.evaluation.power_law import PowerLaw, power_law


def test_a_power_law_is_found_again():
    law = PowerLaw(0.7, 0.25)
    found = power_law([1e4, 3e4, 1e5], law.error(np.array([1e4, 3e4, 1e5])))
    assert found == pytest.approx(law)
    assert found.error(found.pictures(0.02)) == pytest.approx(0.02)
    assert found.error(2e5) / found.error(1e5) == pytest.approx(found.doubling)


@pytest.mark.parametrize(("pictures", "errors"), [([10, 10], [0.1, 0.2]), ([10, 20], [0.1, 0.0])])
def test_what_has_no_power_law_is_refused(pictures, errors):
    with pytest.raises(ValueError, match="two or more numbers of pictures"):
        power_law(pictures, errors)
