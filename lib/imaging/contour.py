"""The outer contour of a silhouette and what encloses it: convex hull, rectangle and circle.

A contour is the closed polygon through the centres of the border pixels, points (k, 2) as x, y int32 [px], without the
points in straight runs: what OpenCV's findContours gives for RETR_EXTERNAL and CHAIN_APPROX_SIMPLE, from the same first
point on. Everything here is compiled and leaves the interpreter lock free.
"""

from __future__ import annotations

import numba
import numpy as np

from lib.imaging.silhouette import _convex_hull

#: Steps right and down along the eight headings, from 0, to the right, counterclockwise as seen.
_RIGHT, _DOWN = np.array([1, 1, 0, -1, -1, -1, 0, 1]), np.array([0, -1, -1, -1, 0, 1, 1, 1])
#: Where a border that arrives with a heading goes on: to the first neighbour counterclockwise from where it came.
#: Indexed by the neighbours that are crystal, bit k standing for the one along heading k, and by the heading.
_TURN = np.array(
    [[next((k % 8 for k in range(h + 5, h + 13) if code >> k % 8 & 1), 0) for h in range(8)] for code in range(256)], np.uint8
)
_CRYSTAL, _FOLLOWED = 1, 3
_BLOCK = 1024


@numba.njit(cache=True, nogil=True)
def largest_contour(mask):
    """Contour (k, 2) of the part of a mask (h, w) that encloses the largest area; (0, 2) where no pixel is set.

    Pixels that touch by a corner are one part. Of equal parts the last counts, in reading order of their first pixels.
    """
    height, width = mask.shape
    frame = np.zeros((height + 2, width + 2), np.uint8)  # the mask with an empty rim, in which followed borders get marked
    for y in range(height):
        row, source = frame[y + 1], mask[y]
        for x in range(width):
            row[x + 1] = source[x] != 0
    pixels = frame.ravel()
    points = np.empty((4 * mask.size, 2), np.int32)  # borders pass a pixel at most once for each of its four sides
    best, largest, stop = points[:0], -1.0, 0
    for block in range(1, len(pixels), _BLOCK):
        if _has_start(pixels[block - 1 : block + _BLOCK]):
            for i in range(block, min(block + _BLOCK, len(pixels))):
                if pixels[i] == _CRYSTAL and pixels[i - 1] == 0:
                    start, stop = stop, _follow_border(pixels, width + 2, i, points, stop)
                    area = signed_area(points[start:stop])  # a hole's border runs clockwise: its area is negative
                    if area >= largest:
                        best, largest = points[start:stop], area
    return best.copy()


@numba.njit(cache=True, nogil=True)
def _has_start(pixels):
    """Whether a border that was not followed yet starts in this line of pixels: crystal right of background."""
    found = False
    for i in range(1, len(pixels)):
        found |= (pixels[i] == _CRYSTAL) & (pixels[i - 1] == 0)
    return found


@numba.njit(cache=True, nogil=True)
def _follow_border(pixels, width, first, points, n):
    """Follow and mark the border through pixel `first`, left of which is background, in a flat frame of that `width`.

    Writes the border's corners into `points` from row `n` on, and returns the row after the last. Border following of
    Suzuki and Abe 1985 (doi:10.1016/0734-189X(85)90016-7).
    """
    steps = _DOWN * width + _RIGHT
    here, x, y = first, first % width - 1, first // width - 1
    neighbours = _neighbours(pixels, first, steps)
    if neighbours == 0:
        pixels[first] = _FOLLOWED
        points[n, 0], points[n, 1] = x, y
        return n + 1
    arrival = 7  # from the border's last pixel, the first neighbour clockwise from the left
    while not neighbours >> (arrival ^ 4) & 1:
        arrival -= 1
    heading = arrival
    while True:
        pixels[here] = _FOLLOWED
        points[n, 0], points[n, 1] = x, y
        before, heading = heading, _TURN[_neighbours(pixels, here, steps), heading]
        n += heading != before
        here, x, y = here + steps[heading], x + _RIGHT[heading], y + _DOWN[heading]
        if here == first and heading == arrival:
            return n


@numba.njit(cache=True, nogil=True)
def _neighbours(pixels, here, steps):
    """Which neighbours of a pixel are crystal, as the bits of `_TURN`'s first index."""
    code = 0
    for heading in range(8):
        code |= (pixels[here + steps[heading]] & 1) << heading
    return code


@numba.njit(cache=True, nogil=True)
def signed_area(polygon):
    """Area of a polygon (k, 2), positive where it runs counterclockwise as seen (y down) [its unit squared]."""
    twice = 0
    j = len(polygon) - 1
    for i in range(len(polygon)):
        twice += polygon[i, 0] * polygon[j, 1] - polygon[j, 0] * polygon[i, 1]
        j = i
    return twice / 2


@numba.njit(cache=True, nogil=True)
def perimeter(polygon):
    """Length of a closed polygon (k, 2) [its unit]."""
    length = 0.0
    j = len(polygon) - 1
    for i in range(len(polygon)):
        length += np.sqrt((polygon[i, 0] - polygon[j, 0]) ** 2 + (polygon[i, 1] - polygon[j, 1]) ** 2)
        j = i
    return length


@numba.njit(cache=True, nogil=True)
def convex_hull(contour):
    """Corners (k, 2) of the convex hull of a contour, in order [px]: the hull of each column's highest and lowest point."""
    left, columns = contour[:, 0].min(), contour[:, 0].max() - contour[:, 0].min() + 1
    top, bottom = np.full(columns, contour[:, 1].max()), np.full(columns, -1)
    for i in range(len(contour)):
        column = contour[i, 0] - left
        top[column] = min(top[column], contour[i, 1])
        bottom[column] = max(bottom[column], contour[i, 1])
    hull = np.empty((2 * columns, 2), np.int64)
    n = 0
    for half in range(2):  # below from left to right, above back (Andrew 1979)
        start = n
        for k in range(columns):
            column = k if half == 0 else columns - 1 - k
            if bottom[column] < 0:
                continue
            x, y = column + left, bottom[column] if half == 0 else top[column]
            while n >= start + 2 and (hull[n - 1, 0] - hull[n - 2, 0]) * (y - hull[n - 2, 1]) >= (
                hull[n - 1, 1] - hull[n - 2, 1]
            ) * (x - hull[n - 2, 0]):
                n -= 1
            hull[n, 0], hull[n, 1] = x, y
            n += 1
    return hull[:n]


@numba.njit(cache=True, nogil=True)
def smallest_rectangle(hull):
    """Short and long side of the rectangle of least area around a convex polygon (k >= 3, 2) [its unit].

    One side of it lies on an edge of the polygon (Freeman and Shapira 1975, doi:10.1145/360881.360919).
    """
    least, short, long = np.inf, 0.0, 0.0
    j = len(hull) - 1
    for i in range(len(hull)):
        x, y = hull[i, 0] - hull[j, 0], hull[i, 1] - hull[j, 1]
        low, high, depth = 0, 0, 0
        for k in range(len(hull)):
            dx, dy = hull[k, 0] - hull[j, 0], hull[k, 1] - hull[j, 1]
            along = x * dx + y * dy
            low, high, depth = min(low, along), max(high, along), max(depth, abs(x * dy - y * dx))
        square = x * x + y * y
        if (high - low) * depth / square < least:
            least = (high - low) * depth / square
            short, long = min(high - low, depth) / np.sqrt(square), max(high - low, depth) / np.sqrt(square)
        j = i
    return short, long


@numba.njit(cache=True, nogil=True)
def enclosing_circle(hull):
    """Centre x, y and radius of the smallest circle around a convex polygon (k >= 3, 2) without straight corners [its unit].

    From the corner that sees a side under the smallest angle: if that is obtuse the side is a diameter, if the triangle
    is acute its circumcircle is sought, else go on with the triangle's longest side (Chrystal 1885).
    """
    a, b = hull[0], hull[1]
    while True:
        c, flattest = a, -np.inf
        for k in range(len(hull)):
            p = hull[k]
            cross = abs((a[0] - p[0]) * (b[1] - p[1]) - (a[1] - p[1]) * (b[0] - p[0]))
            if cross > 0:
                cotangent = ((a[0] - p[0]) * (b[0] - p[0]) + (a[1] - p[1]) * (b[1] - p[1])) / cross
                if cotangent > flattest:
                    c, flattest = p, cotangent
        if flattest <= 0:
            return (a[0] + b[0]) / 2, (a[1] + b[1]) / 2, np.hypot(a[0] - b[0], a[1] - b[1]) / 2
        if (b[0] - a[0]) * (c[0] - a[0]) + (b[1] - a[1]) * (c[1] - a[1]) < 0:
            a = c
        elif (a[0] - b[0]) * (c[0] - b[0]) + (a[1] - b[1]) * (c[1] - b[1]) < 0:
            b = c
        else:
            # inscribed angle: the centre lies above the middle of ab by half of ab times the cotangent at c
            side = np.sign((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])) * flattest / 2
            x, y = (a[0] + b[0]) / 2 - side * (b[1] - a[1]), (a[1] + b[1]) / 2 + side * (b[0] - a[0])
            return x, y, np.hypot(x - a[0], y - a[1])
