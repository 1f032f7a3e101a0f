"""The outer contour of a silhouette and what encloses it: convex hull, rectangle and circle.

A contour is the closed polygon through the centres of the border pixels, points (k, 2) as x, y int32 [px], without the
points in straight runs: what OpenCV's findContours gives for RETR_EXTERNAL and CHAIN_APPROX_SIMPLE, from the same first
point on. Everything here is compiled and leaves the interpreter lock free.
"""

from __future__ import annotations

import numba
import numpy as np

from lib.core.numerics import solve

#: Columns of `measure`, all in px except the ratio.
MEASURES = ("rectangle_short", "rectangle_long", "ellipse_axis_ratio", "extreme_spread", "area", "perimeter", "circle_radius")
#: What may keep a silhouette from being described, after nothing.
OBSTACLES = (
    "",
    "empty: no pixel is set",
    "too small or too plain: an ellipse needs five contour points that enclose an area",
    "cut off: the crystal touches the frame",
)

#: Steps right and down to the eight neighbours, from the right counterclockwise as seen; twice, so that a search need not wrap.
_RIGHT = np.array([1, 1, 0, -1, -1, -1, 0, 1] * 2)
_DOWN = np.array([0, -1, -1, -1, 0, 1, 1, 1] * 2)
_CRYSTAL, _FOLLOWED = 1, 2
#: Pixels that are looked through at once for where a border starts.
_BLOCK = 512


@numba.njit(cache=True, nogil=True)
def measure(masks):
    """`MEASURES` (n, 7) of the outer contours of `masks` (n, h, w), and the position in `OBSTACLES` (n,) why a row is NaN."""
    measures, obstacles = np.full((len(masks), len(MEASURES)), np.nan), np.zeros(len(masks), np.int64)
    for i in range(len(masks)):
        contour = largest_contour(masks[i])
        obstacles[i] = obstacle(contour, masks[i].shape)
        if obstacles[i] == 0:
            hull = convex_hull(contour)
            measures[i, 0], measures[i, 1] = smallest_rectangle(hull)
            measures[i, 2] = ellipse_axis_ratio(contour)
            measures[i, 3] = extreme_spread(contour)
            measures[i, 4] = signed_area(contour)
            measures[i, 5] = perimeter(contour)
            measures[i, 6] = enclosing_circle(hull)[2]
    return measures, obstacles


@numba.njit(cache=True, nogil=True)
def obstacle(contour, shape):
    """Position in `OBSTACLES` of what keeps a contour (k, 2) in a picture of `shape` from being described."""
    if len(contour) == 0:
        return 1
    if len(contour) < 5 or signed_area(contour) == 0:
        return 2
    x, y = contour[:, 0], contour[:, 1]
    return 3 if x.min() == 0 or y.min() == 0 or x.max() + 1 == shape[1] or y.max() + 1 == shape[0] else 0


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
                if pixels[i - 1] == 0 and pixels[i] == _CRYSTAL:
                    start, stop = stop, _follow_border(pixels, width + 2, i, points, stop)
                    area = signed_area(points[start:stop])  # a hole's border runs clockwise: its area is negative
                    if area >= largest:
                        best, largest = points[start:stop], area
    return best.copy()


@numba.njit(cache=True, nogil=True)
def _has_start(pixels):
    """Whether a border that was not followed yet starts in this line of pixels: crystal right of background."""
    found = False
    for i in range(len(pixels) - 1):
        found |= (pixels[i] == 0) & (pixels[i + 1] == _CRYSTAL)
    return found


@numba.njit(cache=True, nogil=True)
def _follow_border(pixels, width, first, points, n):
    """Follow and mark the border through pixel `first`, left of which is background, in a flat frame of that `width`.

    Writes the border's corners into `points` from row `n` on, and returns the row after the last. Border following of
    Suzuki and Abe 1985 (doi:10.1016/0734-189X(85)90016-7).
    """
    steps = _DOWN * width + _RIGHT
    x, y = first % width - 1, first // width - 1
    heading = 11  # from the left, where there is background, clockwise to the border's last pixel
    while heading > 4 and pixels[first + steps[heading]] == 0:
        heading -= 1
    if heading == 4:  # no neighbour: a single pixel
        pixels[first] = _FOLLOWED
        points[n, 0], points[n, 1] = x, y
        return n + 1
    here, last = first, first + steps[heading]
    heading &= 7
    previous = heading ^ 4
    while True:
        pixels[here] = _FOLLOWED
        heading += 1  # from where the border came, counterclockwise to where it goes on
        while pixels[here + steps[heading]] == 0:
            heading += 1
        heading &= 7
        if heading != previous:
            points[n, 0], points[n, 1] = x, y
            n += 1
            previous = heading
        x, y = x + _RIGHT[heading], y + _DOWN[heading]
        before, here = here, here + steps[heading]
        if here == first and before == last:
            return n
        heading ^= 4


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
        n -= top[column] == bottom[column]  # the one point of an end belongs to the other half
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


@numba.njit(cache=True, nogil=True)
def extreme_spread(points):
    """Standard deviation of the x and y of the leftmost, rightmost, topmost and bottommost of `points` (k, 2) [px]."""
    chosen = np.empty((4, 2))
    chosen[0] = points[np.argmin(points[:, 0])]
    chosen[1] = points[np.argmax(points[:, 0])]
    chosen[2] = points[np.argmin(points[:, 1])]
    chosen[3] = points[np.argmax(points[:, 1])]
    return chosen.std()


@numba.njit(cache=True, nogil=True)
def ellipse_axis_ratio(points):
    """Minor over major axis of the least-squares ellipse through `points` (k >= 5, 2).

    The same two algebraic fits as OpenCV's fitEllipse (conic, then axes about its centre), by normal equations.
    """
    p, size = np.empty((len(points), 2)), 0.0
    for axis in range(2):  # OpenCV centres in single precision; so do we, to agree to 1e-6
        centre = np.float32(points[:, axis].sum()) / np.float32(len(points))
        for i in range(len(points)):
            p[i, axis] = np.float32(points[i, axis]) - centre
            size += abs(p[i, axis])
    p *= len(p) / size
    conic = _least_squares(p, np.zeros(2), 5)
    a, b, c, d, e = conic[0], conic[1], conic[2], conic[3], conic[4]
    if 4 * a * b == c * c:  # parallel lines
        return 0.0
    middle = np.array([2 * b * d - c * e, 2 * a * e - c * d]) / (4 * a * b - c * c)
    xx, yy, xy = _least_squares(p, middle, 3)
    split = np.hypot(xy, yy - xx)
    one, other = abs(xx + yy - split), abs(xx + yy + split)
    return np.sqrt(min(one, other) / max(one, other))


@numba.njit(cache=True, nogil=True)
def _least_squares(points, middle, terms):
    """Coefficients of x^2, y^2, xy and, with five `terms`, -x, -y that come nearest to 1 at `points` - `middle`.

    Where many do, as for a cross of thin lines, the smallest ones: a ridge far below rounding of the rest sees to it.
    """
    normal, right = np.zeros((terms, terms)), np.zeros(terms)
    row = np.empty(5)
    for i in range(len(points)):
        x, y = points[i, 0] - middle[0], points[i, 1] - middle[1]
        row[0], row[1], row[2], row[3], row[4] = x * x, y * y, x * y, -x, -y
        for a in range(terms):
            right[a] += row[a]
            for b in range(a + 1):
                normal[a, b] += row[a] * row[b]
    for a in range(terms):
        normal[a, a] += 1e-14 * len(points)
        for b in range(a):
            normal[b, a] = normal[a, b]
    return solve(normal, right)
