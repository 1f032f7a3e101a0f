"""Figures of cirrus simulations: the air, single crystals, fields, profiles, courses in time, and the film of a cloud."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
import xarray as xr
from IPython.display import HTML
from matplotlib.animation import FuncAnimation
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from lib.cirrus.kinematic.flow import DX, DZ, heights
from lib.cirrus.schema import Q_SHOWN
from lib.figures.style import shown_once

#: Variable -> factor, label, colour map, lowest and highest value shown in fields, and whether the scale is logarithmic.
_SHOWN = {
    "q_i": (1e6, "mass $q_i$ [mg kg$^{-1}$]", "viridis", 0.3, 200, True),
    "q_i_total": (1e6, "all ice $q_{i,\\mathrm{tot}}$ [mg kg$^{-1}$]", "viridis", 0.3, 200, True),
    "n_i": (1e-3, "number $n_i$ [g$^{-1}$]", "cividis", 0.3, 300, True),
    "v_m": (1.0, "fall speed $v_m$ [m s$^{-1}$]", "plasma", 0, 1.0, False),
    "rho_i": (1.0, r"density $\rho_i$ [kg m$^{-3}$]", "magma", 100, 917, False),
}
#: Height or length [m] of the cells where there is only one.
_ONE_CELL = 100.0


@shown_once
def sounding(temperature: np.ndarray, ratio: np.ndarray, stream: np.ndarray, density: np.ndarray) -> Figure:
    """The air at the start: profiles (nz,) of temperature [K] and of the saturation ratio over ice, and the flow.

    Parameters
    ----------
    stream : stream function of the mass flux at the corners (nx + 1, nz + 1) [kg m-1 s-1]
    density : of the air (nz,) [kg m-3]
    """
    nx, nz = stream.shape[0] - 1, stream.shape[1] - 1
    z_km = heights(nz) / 1000
    figure, axes = plt.subplots(1, 3, figsize=(8.4, 3.1), sharey=True, width_ratios=(1, 1, 2.6))
    axes[0].plot(temperature - 273.15, z_km)
    axes[0].set(xlabel="temperature [°C]", ylabel="height z [km]")
    axes[1].plot(100 * ratio, z_km)
    axes[1].axvline(100, color="0.5", linewidth=1, linestyle=":")
    axes[1].set(xlabel="humidity over ice [%]")
    corners = np.concatenate([density[:1], (density[1:] + density[:-1]) / 2, density[-1:]])
    updraught = (np.diff(stream, axis=0) / DX / corners).T
    bound = np.abs(updraught).max()
    x_km, edges = DX * np.arange(nx + 1) / 1000, z_km[0] + DZ / 1000 * (np.arange(nz + 1) - 0.5)
    norm = Normalize(-bound, bound)
    image = axes[2].pcolormesh(x_km[:-1] + DX / 2000, edges, updraught, cmap="RdBu_r", norm=norm, rasterized=True)
    axes[2].contour(x_km, edges, stream.T, 14, colors="0.3", linewidths=0.5)
    axes[2].set(xlabel="x [km]")
    figure.colorbar(image, ax=axes[2], label="updraught [m s$^{-1}$]")
    return figure


@shown_once
def growth(minutes: np.ndarray, curves: Mapping[str, Mapping[str, np.ndarray]]) -> Figure:
    """How single crystals grow: for each of `curves`, "length" [um], "density" [kg m-3] and "speed" [m s-1], (n,) each."""
    labels = {"length": "largest length [µm]", "density": "density [kg m$^{-3}$]", "speed": "fall speed [m s$^{-1}$]"}
    figure, axes = plt.subplots(1, 3, figsize=(8.4, 2.7))
    for axis, (quantity, label) in zip(axes, labels.items(), strict=True):
        for name, curve in curves.items():
            axis.plot(minutes, curve[quantity], label=name)
        axis.set(xlabel="time [min]", ylabel=label, ylim=(0, None))
    figure.legend(
        *axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=len(curves), title="habit, deposition coefficient"
    )
    return figure


@shown_once
def fields(columns: Mapping[str, xr.Dataset]) -> Figure:
    """Mass, number, fall speed and density of ice, as far as all have them, a row for each, of each of `columns`: (z, x).

    A row of all ice is among them where it is not all cloud ice. White is less than 0.03 mg of ice in a kilogram of air, or 0.03
    crystals in a gram; for fall speed and density it is less than 0.1 mg of ice in a kilogram of air. A panel that is all white
    says why.
    """
    shown = _in_all(columns.values())
    size = (2.6 * len(columns) + 0.9, 1.55 * len(shown))
    figure, axes = plt.subplots(len(shown), len(columns), figsize=size, sharex=True, sharey=True, squeeze=False)
    for line, name in zip(axes, shown, strict=True):
        for axis, ice in zip(line, columns.values(), strict=True):
            image = _field(axis, ice, name)
        figure.colorbar(image, ax=line, extend="both", aspect=12).set_label(_SHOWN[name][1], fontsize=8)
        line[0].set_ylabel("z [km]")
    for axis, title in zip(axes[0], columns, strict=True):
        axis.set_title(title, fontsize=9)
    for axis in axes[-1]:
        axis.set_xlabel("x [km]")
    return figure


def _in_all(data: Iterable[xr.Dataset]) -> list[str]:
    """The variables that are shown and that all of `data` have; all ice where it is not the same as cloud ice."""
    data = list(data)
    names = [name for name in _SHOWN if all(name in ice for ice in data)]
    if "q_i_total" in names and all(ice["q_i_total"].equals(ice["q_i"]) for ice in data):
        names.remove("q_i_total")
    return names


def _where_there_is_ice(ice: xr.Dataset, name: str) -> xr.DataArray:
    """A variable in the unit of its axis, without fall speeds and densities where there is hardly any ice."""
    values = _SHOWN[name][0] * ice[name]
    return values.where(ice["q_i"] > Q_SHOWN) if name in ("v_m", "rho_i") else values


def _coloured(ice: xr.Dataset, name: str) -> xr.DataArray:
    """A variable in the unit of its axis, without what is left white."""
    _, _, _, low, _, logarithmic = _SHOWN[name]
    values = _where_there_is_ice(ice, name)
    return values.where(values > (0.1 * low if logarithmic else 0))


def _say_why_empty(axis: plt.Axes, ice: xr.Dataset, name: str) -> None:
    """Write into an empty panel of a variable why nothing is there."""
    mass = ice["q_i_total" if name == "q_i_total" else "q_i"]
    if mass.isnull().all():
        reason = "not in the files"
    elif not mass.max() > 0:
        reason = "no ice"
    else:
        reason = "not in the files" if ice[name].isnull().all() else "too little ice"
    axis.text(0.5, 0.5, reason, transform=axis.transAxes, ha="center", va="center", color="0.4", fontsize=8)


def _edges_km(middles: xr.DataArray) -> np.ndarray:
    """Edges of cells [km] half way between their middles [m]; a single cell is drawn as if it were 100 m long."""
    m = middles.to_numpy().astype(float)
    half = np.diff(m) / 2 if len(m) > 1 else np.array([_ONE_CELL / 2])
    return np.concatenate([m[:1] - half[:1], m[:-1] + half, m[-1:] + half[-1:]]) / 1000


def _field(axis: plt.Axes, ice: xr.Dataset, name: str):
    """Draw one variable (z, x); the image."""
    _, _, colours, low, high, logarithmic = _SHOWN[name]
    shown = _coloured(ice, name)
    if shown.isnull().all():
        _say_why_empty(axis, ice, name)
    norm = LogNorm(low, high) if logarithmic else Normalize(low, high)
    return axis.pcolormesh(_edges_km(ice.x), _edges_km(ice.z), shown, cmap=colours, norm=norm, rasterized=True)


@shown_once
def profiles(lines: Mapping[str, xr.Dataset], spread: xr.Dataset | None = None, band: str = "") -> Figure:
    """Profiles of the variables, as far as all have them; those of `lines` are (z,), and `spread` (member, z) is a band.

    The band reaches from 5 to 95 %. All ice is among them where it is not all cloud ice. A level by itself is a dot. A panel
    in which nothing is says why.
    """
    everything = [*lines.values()] + ([] if spread is None else [spread])
    shown = _in_all(everything)
    figure, row = plt.subplots(1, len(shown), figsize=(2.2 * len(shown), 3.2), sharey=True, squeeze=False)
    axes = row[0]
    for axis, name in zip(axes, shown, strict=True):
        _, label, _, low, high, _ = _SHOWN[name]
        plotted = [_plotted(ice, name) for ice in everything]
        if spread is not None:
            _band(axis, plotted[-1], band)
        for title, values in zip(lines, plotted, strict=False):
            _line(axis, values, title)
        if not any((values > 0).any() for values in plotted):
            axis.set_xlim(low if name == "n_i" else 0, high)
            _say_why_empty(axis, everything[-1], name)
        if name == "n_i":
            axis.set(xscale="log")
            axis.xaxis.set_minor_formatter(NullFormatter())
            least, most = axis.get_xlim()
            least = max(least, most / 1e4)
            wider = max(1.0, np.sqrt(20 * least / most))  # so that there is a power of ten on the axis
            axis.set_xlim(least / wider, most * wider)
        axis.set(xlabel=label)
    edges = _edges_km(everything[0].z)
    axes[0].set(ylabel="height z [km]", ylim=(edges.min(), edges.max()))
    handles = axes[0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside lower center", ncols=len(handles[0]))
    return figure


def _plotted(ice: xr.Dataset, name: str) -> xr.DataArray:
    """What profiles show of a variable: of the number, whose axis is logarithmic, only what is not zero."""
    values = _where_there_is_ice(ice, name)
    return values.where(values > 0) if name == "n_i" else values


def _alone(values: xr.DataArray) -> list[int]:
    """Numbers of the levels (z,) that have a value though their neighbours have none."""
    there = np.pad(values.notnull().to_numpy(), 1)
    return np.flatnonzero(there[1:-1] & ~there[:-2] & ~there[2:]).tolist()


def _line(axis: plt.Axes, values: xr.DataArray, label: str) -> None:
    """Draw a profile (z,), whose levels that are by themselves are dots."""
    (line,) = axis.plot(values, values.z / 1000, label=label)
    alone = _alone(values)
    if alone:
        axis.plot(values[alone], values.z[alone] / 1000, ".", color=line.get_color())


def _band(axis: plt.Axes, values: xr.DataArray, label: str) -> None:
    """Draw the range of most members (member, z), from 5 to 95 % of those that have a value, where there is one."""
    some = values.isel(z=values.notnull().any("member").to_numpy())
    low, high = (some.quantile(q, "member").reindex(z=values.z) if some.size else values[0] for q in (0.05, 0.95))
    axis.fill_betweenx(values.z / 1000, low, high, color="0.85", linewidth=0, label=label)
    alone = _alone(low)
    axis.hlines(values.z[alone] / 1000, low[alone], high[alone], color="0.85", linewidth=4)


@shown_once
def courses(ensemble: xr.Dataset, parameter: str, label: str) -> Figure:
    """Mean mass, number, fall speed and density of ice (member, time), a line for each member, coloured by a parameter."""
    values = ensemble[parameter].to_numpy()
    norm, colours = LogNorm(values.min(), values.max()), sns.color_palette("viridis", as_cmap=True)
    shown = _in_all([ensemble])
    figure, axes = plt.subplots(1, len(shown), figsize=(9.4, 2.6))
    for axis, name in zip(axes, shown, strict=True):
        factor, title, *_ = _SHOWN[name]
        for member, value in enumerate(values):
            axis.plot(ensemble.time / 60, factor * ensemble[name][member], color=colours(norm(value)), linewidth=0.7)
        axis.set(xlabel="time [min]", ylabel=title)
    figure.colorbar(plt.cm.ScalarMappable(norm, colours), ax=axes, label=label, aspect=14)
    return figure


@shown_once
def structural(table: pd.DataFrame) -> Figure:
    """How far apart schemes lie, over the spread of the ensemble: a row for each variable, a column for each scheme."""
    long = table.rename(index={name: _SHOWN[name][1].split(" [")[0] for name in table.index})
    long = long.melt(ignore_index=False, var_name="scheme", value_name="ratio").reset_index(names="variable")
    figure, axis = plt.subplots(figsize=(5.4, 2.7))
    sns.stripplot(long, x="ratio", y="variable", hue="scheme", palette="colorblind", size=7, jitter=False, ax=axis)
    axis.axvline(1, color="0.5", linewidth=1, linestyle=":")
    axis.set(xlabel="distance from bulk over spread of the ensemble [1]", ylabel="", xscale="log")
    axis.xaxis.set_major_formatter("{x:g}")
    axis.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    axis.grid(axis="y", color="0.9")
    return figure


def film(columns: Mapping[str, xr.Dataset], name: str = "q_i", width: float = 7.6) -> HTML:
    """A film of one variable (time, z, x) of each of `columns`, with a bar to move through it; works without network."""
    figure, axes = plt.subplots(1, len(columns), figsize=(width, 2.3), sharey=True, squeeze=False, dpi=80)
    first = next(iter(columns.values()))
    images = [_field(axis, ice.isel(time=0), name) for axis, ice in zip(axes[0], columns.values(), strict=True)]
    for axis, title in zip(axes[0], columns, strict=True):
        axis.set(xlabel="x [km]", title=title)
    axes[0, 0].set_ylabel("z [km]")
    figure.colorbar(images[-1], ax=axes, label=_SHOWN[name][1], extend="both")
    clock = figure.suptitle("0 min", fontsize=9)

    def draw(number: int) -> Sequence:
        clock.set_text(f"{float(first.time[number]) / 60:.0f} min")
        for image, ice in zip(images, columns.values(), strict=True):
            image.set_array(_coloured(ice.isel(time=number), name).to_numpy())
        return images

    moving = FuncAnimation(figure, draw, frames=first.sizes["time"])
    page = re.sub(r"<link[^>]*>", "", moving.to_jshtml(fps=4, default_mode="once"))  # its icons are on every page of the book
    plt.close(figure)
    return HTML(page)
