"""The autoencoder beside as many principal components: cirrus fields of simulations that neither learned from.

Members, networks and training are those of notebook 32; its networks are found in the cache where it ran before, else trained
(minutes). What is lost is 1 - R2 of mass, particle mass and particle density of the ice.
"""

from __future__ import annotations

from row import Row, cpu_seconds
from sklearn.model_selection import GroupShuffleSplit

from lib.core.device import set_threads
from lib.datasets.cirrus_fields import CHANNELS, group_split, split_state
from lib.evaluation.field_scores import channel_r2
from lib.models.field_autoencoder import (
    autoencoder,
    eof_representation,
    network_representation,
    orthogonal_functions,
    recipe,
)
from lib.studies.latent_fields import sample


def rows(quick: bool) -> list[Row]:
    """What each loses of the three fields with 16 and with 2 latents, and what fitting takes."""
    # members, every, validation, test, width, epochs
    n_members, every, n_validation, n_test, width, epochs = (10, 6, 1, 4, 4, 2) if quick else (80, 1, 4, 16, 16, 80)
    splitter = GroupShuffleSplit(1, train_size=n_validation, test_size=n_test, random_state=split_state(0))
    fields = sample(n_members, every, group_split(splitter, n_members)).fields
    unseen = fields.standard[fields.split.test]
    set_threads()
    table = []
    for n in (16, 2):
        trained = autoencoder(fields, recipe(n, width, epochs), batch=32)
        fitting = cpu_seconds(lambda n=n: orthogonal_functions(fields, n))
        ways = network_representation(trained.model), eof_representation(orthogonal_functions(fields, n), n)
        ours, theirs = (channel_r2(unseen, way.decode(way.encode(unseen))) for way in ways)
        rival = f"{n} principal components"
        table += [
            Row(f"1 - R2 of {name}, {n} latents", rival, 1 - ours[name], 1 - theirs[name], "",
                f"R2 {ours[name]:.3f} against {theirs[name]:.3f}")
            for name in CHANNELS
        ]  # fmt: skip
        what = f"fit of {n} latents, ours in wall time, its in CPU time"
        remark = f"{epochs} epochs, timed when the network was trained"
        table.append(Row(what, rival, trained.history.seconds.sum(), fitting, "s", remark))
    return table
