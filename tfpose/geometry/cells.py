"""Cell and box arithmetic for anything with + - * and /.

Pixel centers are integers, a box counts pixels, and a heatmap cell covers ``stride``
pixels; these formulas follow. NumPy, TensorFlow and Keras code share them, so this
module imports nothing.
"""

# Where cell u lies, x = (u + a) stride + b px: a and b. Ours is "center". Published
# weights learned others: "corner" those of SimpleBaseline and HRNet, whose first cell
# is the first pixel, "edge" those of hourglasses, which count pixels from their edge.
ORIGINS = {"center": (0.5, -0.5), "corner": (0.0, 0.0), "edge": (0.5, 0.0)}


def to_cells(pixels, stride, origin="center"):
    """Crop pixels to heatmap cells; ``origin`` is a key of ``ORIGINS``.

    Example:
        >>> to_cells(5.5, 4), to_cells(4, 4, "corner")
        (1.0, 1.0)
    """
    shift, offset = ORIGINS[origin]
    return (pixels - offset) / stride - shift


def to_pixels(cells, stride, origin="center"):
    """Heatmap cells to crop pixels; the inverse of ``to_cells``.

    Example:
        >>> to_pixels(0, 4), to_pixels(0, 4, "corner"), to_pixels(0, 4, "edge")
        (1.5, 0.0, 2.0)
    """
    shift, offset = ORIGINS[origin]
    return (cells + shift) * stride + offset


def from_edge(pixels, stride, origin="center"):
    """Distance from the map's edge to a pixel's center, in cells; floor: its cell.

    Example:
        >>> from_edge(3.5, 4), from_edge(0, 2)
        (1.0, 0.25)
    """
    shift, offset = ORIGINS[origin]
    return (pixels - offset) / stride + (0.5 - shift)


def center_of(position, extent):
    """The center of a box along an axis.

    Example:
        >>> center_of(0, 5)
        2.0
    """
    return position + (extent - 1) / 2


def position_of(center, extent):
    """Where a box starts along an axis; the inverse of ``center_of``.

    Example:
        >>> position_of(2.0, 5)
        0.0
    """
    return center - (extent - 1) / 2
