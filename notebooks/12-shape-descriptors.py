# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Shape descriptors
#
# On Colab, the next cell installs the project.

# %%
import sys

if "google.colab" in sys.modules:
    # !git clone -q --depth 1 https://github.com/ice-crystals-ml/ice-crystals-ml && pip install -q -e ice-crystals-ml
    sys.path.insert(0, "ice-crystals-ml")

# %% [markdown]
# What is imported.

# %%
from lib.run import start

# %% [markdown]
# The parameters.

# %% tags=["parameters"]
n_crystals: int = 100  # how many crystals
noise: float = 0.5  # noise [1]
cpi_dir: str = ""  # folder of CPI images, empty for none
device: str = "auto"  # auto, cpu or cuda
seed: int = 0  # seed of every random generator

# %% [markdown]
# The run.

# %%
run = start("12-shape-descriptors", globals())
run

# %% [markdown]
# ## A number
#
# Recorded: $\rho_e$.

# %%
run.require(n_crystals >= 1, f"n_crystals must be at least 1, got {n_crystals}.")
run.record(n_crystals=n_crystals)

# %% [markdown]
# A scene and its picture.

# %%
run.file("scene.html").write_text("<p>a scene</p>")

# %% mystnb={"figure": {"name": "fig-12-shape-descriptors", "caption": "A line."}}
import matplotlib.pyplot as plt

plt.plot([0, 1], [0, noise])
plt.show()

# %% [markdown]
# The scene can be turned.

# %%
from IPython.display import HTML

HTML(f'<iframe src="{run.url("scene.html")}" loading="lazy" title="A scene"></iframe>')

# %% [markdown]
# This notebook has shown that the frame works.
