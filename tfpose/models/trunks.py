"""The trunks of the networks that enlarge features with ``deconvolutions``."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from tfpose.models import efficientnet_lite
from tfpose.models.conventions import Conventions
from tfpose.models.resnet import IMAGE_MEAN, TINY_WIDTHS, resnet, small_resnet


class Trunk(NamedTuple):
    """A network from a photo, and what is drawn beside it, to features.

    Attributes:
        features: f32[B, H, W, C] to a list of features, the last one at stride 32. The
            head adds those before it, each at half the stride, to its maps
            (``simple_baseline.deconvolutions``): otherwise positions would be lost in a
            few channels at stride 32, where a crop of 128 px has 16 cells.
        conventions: how its weights know photos.
        peak: the highest value of a pose drawn beside the photo, of the same order.
    """

    features: Callable
    conventions: Conventions = Conventions(mean=IMAGE_MEAN)
    peak: float = 255.0

    def prepare(self, image):
        """f32[B, H, W, 3] RGB 0..255 to the range that the weights know."""
        return self.conventions.prepare(image)


TRUNKS = {
    "resnet50": Trunk(lambda x: [resnet(x, 50)]),
    "resnet101": Trunk(lambda x: [resnet(x, 101)]),
    "resnet152": Trunk(lambda x: [resnet(x, 152)]),
    "efficientnet_lite0": Trunk(
        efficientnet_lite.efficientnet_lite0, efficientnet_lite.CONVENTIONS, peak=2.0
    ),
    "tiny": Trunk(lambda x: small_resnet(x, TINY_WIDTHS)),
}
