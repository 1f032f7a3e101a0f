"""Draw the picture of the home page, ``book/_static/one-crystal.png``: a rosette, and what a probe sees of it.

``python book/picture.py`` writes it anew; it is kept in git, so that building the book needs no extra step.
"""

import matplotlib.pyplot as plt
import numpy as np

from lib.core import paths
from lib.crystals import rosette
from lib.figures import mesh, style
from lib.figures.gallery import gallery
from lib.imaging.draw.silhouette import silhouettes

TARGET = paths.ROOT / "book" / "_static" / "one-crystal.png"


def main() -> None:
    """Draw and save."""
    style.set_style()
    solid = rosette.sample(14, seed=0)[2].solid()
    views = silhouettes(solid, np.eye(3)[None], (0, 90, 120)).coverage[0, :, 24:-24, 24:-24]
    pictures = [mesh.picture(solid, (500, 500)), *views]
    labels = ["the crystal", "its silhouette", "turned by 90°", "turned by 120°"]
    figure = gallery(pictures, labels, columns=2, width=2.0)
    for axis in figure.axes:
        axis.title.set_fontsize(10)
    figure.savefig(TARGET, dpi=150, pil_kwargs={"optimize": True})
    plt.close(figure)


if __name__ == "__main__":
    main()
