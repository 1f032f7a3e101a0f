"""The autoencoder beside as many principal components: cirrus fields of simulations that neither learned from.

Members, networks and training are those of notebook 32; its networks are found in the cache where it ran before, else trained
(minutes). What is lost is 1 - R2 of mass, particle mass and particle density of the ice.
"""

from __future__ import annotations

from row import Row, cpu_seconds

from lib.cirrus.cm1.sample import sample_ensemble
from lib.models import fields
from lib.notebook.run import set_threads


def rows(quick: bool) -> list[Row]:
    """What each loses of the three fields with 16 and with 2 latents, and what fitting takes."""
    # members, every, validation, test, width, epochs
    n_members, every, n_validation, n_test, width, epochs = (10, 6, 1, 4, 4, 2) if quick else (80, 1, 4, 16, 16, 80)
    ensemble = sample_ensemble().isel(member=slice(n_members), time=slice(1, None, every)).load(scheduler="synchronous")
    data = fields.prepared(ensemble, n_validation, n_test)
    unseen = data.standard[data.split.test]
    set_threads()
    table = []
    for n in (16, 2):
        trained = fields.autoencoder(data, fields.recipe(n, width, epochs), batch=32)
        fitting = cpu_seconds(lambda n=n: fields.components(data, n))
        ways = fields.by_network(trained.model), fields.by_components(fields.components(data, n), n)
        ours, theirs = (fields.channel_r2(unseen, way.decode(way.encode(unseen))) for way in ways)
        rival = f"{n} principal components"
        table += [
            Row(f"1 - R2 of {name}, {n} latents", rival, 1 - ours[name], 1 - theirs[name], "",
                f"R2 {ours[name]:.3f} against {theirs[name]:.3f}")
            for name in fields.CHANNELS
        ]  # fmt: skip
        what = f"fit of {n} latents, ours in wall time, its in CPU time"
        remark = f"{epochs} epochs, timed when the network was trained"
        table.append(Row(what, rival, trained.history.seconds.sum(), fitting, "s", remark))
    return table
