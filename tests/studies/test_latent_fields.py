"""lib.studies.latent_fields: the sample ensemble as its notebooks take it."""

from sklearn.model_selection import GroupShuffleSplit

from lib.datasets.cirrus_fields import group_split, split_state
from lib.studies.latent_fields import sample


def test_the_sample_begins_when_there_is_ice():
    splitter = GroupShuffleSplit(1, train_size=1, test_size=4, random_state=split_state(0))
    ensemble, minutes, fields = sample(10, 6, group_split(splitter, 10))
    assert minutes.tolist() == [5, 35, 65, 95] and fields.standard.shape == (10, 4, 3, 64, 64)
    assert float(ensemble.q_i.isel(time=0).max()) > 0
    assert [len(rows) for rows in fields.split] == [5, 1, 4]
