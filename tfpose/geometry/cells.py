"""Cell and box arithmetic for anything with + - * and /.

Pixel centers are integers, a box counts pixels, and a heatmap cell covers ``stride``
pixels; these formulas follow. NumPy, TensorFlow and Keras code share them, so this
module imports nothing.
"""


def to_cells(pixels, stride):
    """Crop pixels to heatmap cells.

    Example:
        >>> to_cells(5.5, 4)
        1.0
    """
    return from_edge(pixels, stride) - 0.5


def to_pixels(cells, stride):
    """Heatmap cells to crop pixels, the cell's center; the inverse of ``to_cells``.

    Example:
        >>> to_pixels(0, 4)
        1.5
    """
    return (cells + 0.5) * stride - 0.5


def from_edge(pixels, stride):
    """Distance from the map's edge to a pixel's center, in cells; floor: its cell.

    Example:
        >>> from_edge(3.5, 4), from_edge(0, 2)
        (1.0, 0.25)
    """
    return (pixels + 0.5) / stride


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
