"""What a Cloud Particle Imager adds to a crystal: grey levels, a rim, blur, noise, a frame and a stretch.

The effects follow each other as the light goes: through the crystal (`lib.imaging.draw.facets`), past its edge, through the lens
(`lib.imaging.probe.optics`), onto the sensor; then the probe's software cuts out a frame and stretches its grey levels. Light
is in units of the undisturbed background, a pixel is 2.3 um. The defaults of `Probe` make pictures like native CPI images of 2014
and 2015: a random search, and a few steps by hand after it, brought the 5 to 95 % points of what `lib.imaging.measure.photometry`
measures near to those of 456 whole particles.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import NamedTuple

import cv2
import numpy as np

from lib.crystals.solid import Solid
from lib.imaging.draw import facets
from lib.imaging.probe.effects import FURTHER
from lib.imaging.probe.optics import blur, blur_by_place, enlarge, power_law_noise, smooth_noise, uneven_light
from lib.imaging.sensor import CPI_PIXEL_UM

#: Grey level of the background in a picture that is not stretched.
BACKGROUND = 205.0

#: The longest side of the square that a solid is drawn in [pixels], and the widest defocus [pixels].
_LARGEST, _WIDEST = 4096, 30.0
#: A shadow fainter than this is a matter of rounding [background].
_FAINTEST = 1e-4
#: The drawing's sides are multiples of this, so that coarser grids fit into it [pixels].
_CELL = 4


def _between(low: float, default: float, high: float) -> float:
    """A field with its default and the range that a search may look in."""
    return field(default=default, metadata={"range": (low, high)})


@dataclass(frozen=True)
class Probe:
    """The parameters of the probe.

    What varies from picture to picture has a median and a `_spread`, the standard deviation of its logarithm (log-normal).
    Named last is what fixes a value: a statistic of real pictures, by its name in `photometry`, or the eye.

    Attributes
    ----------
    clear_share : light that a piece of ice lets straight through, mean over a crystal, median of crystals [1]; `bright_share`
    clear_spread : standard deviation of the logit of `clear_share` from crystal to crystal; 95 % point of `bright_share`
    acceptance : deviation at which half of the light through a clear piece misses the lens [rad]; `interior_std`
    terrace_px : distance of growth steps on clear facets [pixels]; by eye
    veil, veil_spread : light scattered towards the lens by frosted ice [background]; `interior_mean`
    texture : variation of the logarithm of the veil over the crystal [1]; `interior_std` of sharp pictures
    glints : number of glints in a crystal of 10,000 pixels; by eye
    glint : mean brightness of a glint [background]; brightest pixel of the interior
    rim, rim_spread : brightness of the rim around the crystal before any blur, less the background's [background]; `rim`
    rim_px : distance of the rim from the edge without defocus [pixels]; where real pictures are brightest
    lens_px : blur in focus, standard deviation [pixels]; 5 % point of `edge_rise_px`
    defocus_px, defocus_spread : blur by defocus of the crystal's middle, standard deviation [pixels]; `edge_rise_px`
    depth_blur : growth of the blur by defocus along the line of sight [pixels of blur per pixel]; by eye
    glare : share of the light that the lens spreads far [1]; feet of the edge profile
    glare_px : how far, standard deviation of the light that is spread as `glare` [pixels]; feet of the edge profile
    grain, grain_spread : standard deviation of the noise of single pixels [background]; `neighbour_std_x`
    grain_slope, slope_spread : exponent of the noise's power law, and its standard deviation [1]; noise power
    streak : correlation of the noise along rows [1]; `neighbour_std_x` over `neighbour_std_y`
    shading, shading_spread : unevenness of the light [background]; `background_slow_std`
    shading_px : length over which the light of the lamp changes [pixels]; by eye
    margin_px, margin_spread : background kept around the crystal [pixels]; distance of real masks from their frame
    frame_light : the frame is drawn around what is darker than this [background]; its growth with blur
    cut_chance : chance that a side of the frame cuts into the crystal [1]; 67 % of real frames are touched
    stretch : 1 stretches each picture's grey levels to 0..255, 0 leaves the background at `BACKGROUND`
    further : names of `lib.imaging.probe.effects.FURTHER` with their strengths, in the order in which they act behind the lens
    """

    clear_share: float = _between(0.02, 0.25, 0.6)
    clear_spread: float = _between(0.5, 3.0, 4.0)
    acceptance: float = _between(0.05, 0.22, 0.6)
    terrace_px: float = _between(4.0, 8.0, 20.0)
    veil: float = _between(0.05, 0.2, 0.4)
    veil_spread: float = _between(0.1, 0.48, 0.8)
    texture: float = _between(0.05, 0.45, 0.8)
    glints: float = _between(1.0, 14.0, 30.0)
    glint: float = _between(0.1, 0.33, 1.0)
    rim: float = _between(0.01, 0.042, 0.5)
    rim_spread: float = _between(0.2, 1.0, 1.5)
    rim_px: float = _between(1.0, 2.3, 6.0)
    lens_px: float = _between(0.5, 1.15, 2.5)
    defocus_px: float = _between(0.3, 3.0, 6.0)
    defocus_spread: float = _between(0.3, 1.35, 1.8)
    depth_blur: float = _between(0.0, 0.03, 0.1)
    glare: float = _between(0.0, 0.23, 0.5)
    glare_px: float = _between(2.0, 4.5, 10.0)
    grain: float = _between(0.002, 0.0087, 0.03)
    grain_spread: float = _between(0.1, 0.25, 0.8)
    grain_slope: float = _between(1.5, 2.65, 4.0)
    slope_spread: float = _between(0.0, 0.4, 0.6)
    streak: float = _between(0.0, 0.065, 0.6)
    shading: float = _between(0.002, 0.019, 0.08)
    shading_spread: float = _between(0.2, 0.8, 1.2)
    shading_px: float = _between(20.0, 70.0, 150.0)
    margin_px: float = _between(2.0, 5.8, 20.0)
    margin_spread: float = _between(0.05, 0.3, 0.6)
    frame_light: float = _between(0.5, 0.8, 0.95)
    cut_chance: float = 0.22
    stretch: float = 1.0
    further: tuple[tuple[str, float], ...] = ()

    def __post_init__(self):
        unknown = sorted(set(dict(self.further)) - set(FURTHER))
        if unknown:
            raise ValueError(f"further: expected some of {', '.join(FURTHER)}, got {', '.join(unknown)}")
        values = {name: value for name, value in vars(self).items() if name != "further"}
        for name, value in [*values.items(), *self.further]:
            if not 0 <= value < np.inf:
                raise ValueError(f"{name}: expected a finite number of at least 0, got {value}")
            if name in ("acceptance", "terrace_px", "shading_px") and value == 0:
                raise ValueError(f"{name}: expected a number above 0, got 0")
            if name in ("clear_share", "glare", "frame_light", "cut_chance") and value >= 1:
                raise ValueError(f"{name}: expected a share below 1, got {value}")

    def only(self, *effects: str) -> Probe:
        """The same probe with all effects but these switched off.

        >>> Probe().only("grain", "stretch").rim
        0.0
        """
        unknown = sorted(set(effects) - set(EFFECTS) - set(FURTHER))
        if unknown:
            raise ValueError(f"effects: expected some of {', '.join([*EFFECTS, *FURTHER])}, got {', '.join(unknown)}")
        off = {name: value for effect, values in EFFECTS.items() if effect not in effects for name, value in values.items()}
        return replace(self, **off, further=tuple(pair for pair in self.further if pair[0] in effects))


#: Effects, each with the values of `Probe` that switch it off. `photograph` cuts the frame before it adds shading and grain.
EFFECTS: dict[str, dict[str, float]] = {
    "interior": {"clear_share": 0.0, "veil": 0.0, "glints": 0.0},
    "rim": {"rim": 0.0},
    "defocus": {"lens_px": 0.0, "defocus_px": 0.0, "depth_blur": 0.0, "glare": 0.0},
    "grain": {"grain": 0.0},
    "shading": {"shading": 0.0},
    "frame": {"margin_px": 20.0, "margin_spread": 0.0, "cut_chance": 0.0},
    "stretch": {"stretch": 0.0},
}

#: Least and greatest plausible value of the fields that a search may change to come nearer to other real pictures.
RANGES: dict[str, tuple[float, float]] = {f.name: f.metadata["range"] for f in fields(Probe) if f.metadata}


class Photo(NamedTuple):
    """`grey` (h, w) uint8 the picture, and `mask` (h, w) uint8 where the silhouette covers at least half a pixel of it; the mask
    is empty where the particle does not show."""

    grey: np.ndarray
    mask: np.ndarray


def photograph(solid: Solid, orientation: np.ndarray, probe: Probe, rng: np.random.Generator) -> Photo:
    """A picture of one solid [um] turned by `orientation` (3, 3), as the probe would take it.

    The same generator state gives the same picture. Each effect has random numbers of its own, so that switching one
    off leaves the others as they are. Cavities do not show. Where a solid is so small, so blurred or so bright that nothing is
    darker than the background, a probe would not notice it: the picture then shows the background, and its mask is empty.

    Raises
    ------
    ValueError
        If the orientation is no finite matrix, or the solid more than about 9 mm across, less what blur and margin need.

    >>> from lib.crystals.rosette import sample
    >>> photo = photograph(sample(1, seed=0)[0].solid(), np.eye(3), Probe(), np.random.default_rng(0))
    >>> photo.grey.shape == photo.mask.shape, photo.grey.min(), photo.grey.max()
    (True, np.uint8(0), np.uint8(255))
    """
    if np.shape(orientation) != (3, 3) or not np.isfinite(orientation).all():
        raise ValueError(f"orientation: expected a finite matrix (3, 3), got {np.array2string(np.asarray(orientation))}")
    seeds = rng.integers(0, 2**63, 6)
    ice, edge, lens, software, lamp, sensor = map(np.random.default_rng, seeds)
    defocus_px = min(_log_normal(probe.defocus_px, probe.defocus_spread, lens), _WIDEST)
    scene = facets.scene(solid, orientation, CPI_PIXEL_UM)
    covered, corner = _silhouette(scene, int(2.5 * np.hypot(defocus_px, probe.lens_px) + 2 * probe.margin_px) + 4)
    half = _halve(covered)
    passed, height = _inside(scene, half, corner, probe, ice)
    light = 1 - covered * (1 - enlarge(passed, covered.shape))
    if probe.rim > 0:
        light += (1 - covered) * enlarge(_rim(half, defocus_px, probe, edge), covered.shape)
    light = blur_by_place(light, _blur(half, height, defocus_px, probe, lens))
    if probe.glare > 0:
        light += np.float32(probe.glare) * (blur(light, probe.glare_px) - light)
    for name, strength in probe.further:
        light = FURTHER[name](light, strength, np.random.default_rng([seeds[0], *name.encode()]))
    shows = float(light.min()) < 1 - _FAINTEST
    if shows:
        frame = _frame(light, probe, software)
        light, covered = light[frame], covered[frame]
    if probe.shading > 0:
        uneven = uneven_light(light.shape, probe.shading_px, lamp)
        light = light * (1 + np.float32(_log_normal(probe.shading, probe.shading_spread, lamp)) * uneven)
    if probe.grain > 0:
        light = light + _grain(light.shape, probe, sensor)
    return Photo(_grey(light, probe), (shows & (covered >= 0.5)).astype(np.uint8))


def _log_normal(median: float, spread: float, rng: np.random.Generator) -> float:
    return float(median * np.exp(spread * rng.standard_normal()))


def _silhouette(scene: facets.Scene, margin: int) -> tuple[np.ndarray, np.ndarray]:
    """Covered share of each pixel (h, w) float32, `margin` pixels around the solid, and x and y of the upper left corner."""
    low, high = scene.limits[:, :2]
    low = (np.floor(low).astype(int) - margin) // _CELL * _CELL
    high = -(-(np.ceil(high).astype(int) + margin) // _CELL) * _CELL
    reach = max(-low.min(), high.max())
    if 2 * reach > _LARGEST:
        across = np.ptp(scene.limits, 0).max() * CPI_PIXEL_UM
        raise ValueError(f"solid: {across:.0f} um across is too large for the probe, which draws {margin} pixels around it")
    whole = facets.coverage(scene, 2 * reach)
    return whole[low[1] + reach : high[1] + reach, low[0] + reach : high[0] + reach] * np.float32(0.25), low


def _halve(picture: np.ndarray) -> np.ndarray:
    """A picture (h/2, w/2) whose pixels are means over four."""
    return cv2.resize(picture, (picture.shape[1] // 2, picture.shape[0] // 2), interpolation=cv2.INTER_AREA)


def _inside(scene, half, corner, probe, rng):
    """Light that comes out of the crystal, and its height above the middle [pixels], both (h/2, w/2) float32."""
    share = 0.0
    if probe.clear_share > 0:
        share = 1 / (1 + (1 / probe.clear_share - 1) * np.exp(-probe.clear_spread * rng.standard_normal()))
    look = facets.Look(
        clarity=rng.random(len(scene.ends) + len(scene.spheres)) ** (1 / share - 1) if share > 0 else None,
        acceptance=probe.acceptance,
        terrace_px=_log_normal(probe.terrace_px, 0.3, rng),
        flatness=1 + 3 * share,
    )
    clear, height = facets.interior(scene, corner, half.shape, 2.0, look)
    if probe.veil > 0:
        veil = (1 + share / 2) * _log_normal(probe.veil, probe.veil_spread, rng)
        frost = smooth_noise(half.shape, 14, rng) + np.float32(0.5) * smooth_noise(half.shape, 3, rng)
        uneven = probe.texture * (1 - 0.7 * share) * (probe.veil / veil) ** 0.5
        veil = np.minimum(np.float32(veil) * np.exp(np.float32(uneven) * frost), 1)
        clear = veil + (1 - veil) * clear
    return clear + _glints(half, share, probe, rng), height


def _glints(half, share, probe, rng):
    """Bright spots and dashes in random places of the crystal (h/2, w/2) float32, brighter where the ice is clear."""
    glints = np.zeros_like(half)
    rows, columns = np.nonzero(half > 0.9)
    count = rng.poisson(_log_normal(probe.glints, 1.0, rng) * len(rows) / 2500) if len(rows) else 0
    start = rng.integers(0, max(len(rows), 1), count)
    angle = rng.uniform(0, np.pi) + rng.integers(0, 3, count) * np.pi / 3
    length = rng.exponential(2.0, count)
    bright = np.minimum(rng.exponential(probe.glint * (1 + share), count), 1.6)
    wide = 1 + (rng.random(count) < 0.3)
    for i, k in enumerate(start):
        x, y = int(columns[k]), int(rows[k])
        end = (x + int(length[i] * np.cos(angle[i])), y + int(length[i] * np.sin(angle[i])))
        cv2.line(glints, (x, y), end, float(bright[i]), int(wide[i]))
    return glints


def _rim(half, defocus_px, probe, rng):
    """Light of the rim (h/2, w/2) float32: a ring outside the edge, wider out of focus, not equally bright all around."""
    reach = (probe.rim_px + 0.7 * defocus_px) / 2 / 0.85
    ring = np.maximum(blur(half, reach) - blur(half, reach / 2), 0)  # at a straight edge 0.154 at most, 0.85 reach outside
    ring *= np.float32(_log_normal(probe.rim, probe.rim_spread, rng) / 0.154)
    return ring * np.exp(np.float32(0.7) * smooth_noise(half.shape, 15, rng))


def _blur(half, height, defocus_px, probe, rng):
    """Blur [pixels] in cells of four pixels (h/4, w/4): in focus in one plane, wider before and behind it."""
    towards = np.float32(probe.depth_blur if rng.random() < 0.5 else -probe.depth_blur)
    weight, height = (cv2.GaussianBlur(_halve(values), (0, 0), 2.0) for values in (half, height))
    return np.hypot(np.float32(probe.lens_px), np.float32(defocus_px) + towards * height / (weight + np.float32(0.01)))


def _frame(light, probe, rng):
    """Rows and columns (slices) of the frame: around what is dark, plus a margin, or cutting into it."""
    darkest = float(light.min())
    level = probe.frame_light if darkest < probe.frame_light - 0.05 else (1 + darkest) / 2
    x, y, width, height = cv2.boundingRect((light < level).astype(np.uint8))
    margin = probe.margin_px * np.exp(probe.margin_spread * rng.standard_normal(4))
    cut = rng.uniform(0, 0.45, 4) * [height, height, width, width]
    top, bottom, left, right = np.rint(np.where(rng.random(4) < probe.cut_chance, -cut, margin)).astype(int)
    rows = slice(max(0, y - top), max(y - top + 8, y + height + bottom))
    return rows, slice(max(0, x - left), max(x - left + 8, x + width + right))


def _grain(shape, probe, rng):
    """Noise (h, w) float32."""
    noise = power_law_noise(shape, probe.grain_slope + probe.slope_spread * rng.standard_normal(), rng)
    noise[:, 1:] += np.float32(_log_normal(probe.streak, 0.7, rng)) * noise[:, :-1]
    return np.float32(_log_normal(probe.grain, probe.grain_spread, rng)) * noise


def _grey(light, probe):
    """Grey levels (h, w) uint8, stretched from the darkest to the brightest pixel or with the background at `BACKGROUND`."""
    low, high = (float(light.min()), float(light.max())) if probe.stretch > 0 else (0.0, 255 / BACKGROUND)
    return np.clip(np.rint((light - low) * (255 / max(high - low, 1e-6))), 0, 255).astype(np.uint8)
