"""Networks from silhouettes to `rho_e`, `a_e` and the number of bullets: all have one head for the three tasks.

Every network takes pictures (B, V, S, S), V views of a crystal as shares of the pixels covered (0 to 1). Its `features` (B, F)
describe them, and its `head` turns the features into (B, 2 + K): the standardised logarithms of `rho_e` and `a_e`, and K logits
of the number of bullets.
"""

from __future__ import annotations

from lib.core.registry import members
from lib.models.networks.parts import Architecture, Network

#: Names of the networks and of their modules. A further network is a module beside these and its name here.
NAMES = (
    "cnn",
    "resnet18",
    "polar",
)
ARCHITECTURES: dict[str, Architecture] = members(__name__, NAMES, "ARCHITECTURE")
#: Short name -> name in figures and tables.
NETWORKS = {name: architecture.title for name, architecture in ARCHITECTURES.items()}


def network(name: str, views: int, size: int, outputs: int, **settings) -> Network:
    """An untrained network for pictures (B, `views`, `size`, `size`), one of `ARCHITECTURES`, with `settings`."""
    if name not in ARCHITECTURES:
        raise ValueError(f"network: expected one of {', '.join(ARCHITECTURES)}, got {name!r}")
    return ARCHITECTURES[name].build(views, size, outputs, **settings)
