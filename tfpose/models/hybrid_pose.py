"""Hybrid Refinement-Correction Heatmaps for Human Pose Estimation (Hybrid-Pose).

Kamel, Sheng, Li, Kim and Feng, IEEE Transactions on Multimedia 23, 2021. RNet refines
the joints with four equal hourglasses, CNet finds them with four of different depths.
Both are trained alone, then their eight groups of heatmaps are fused. Only figures show
the layers: where the text leaves something open, the docstrings say what we chose.
"""

from __future__ import annotations

import keras
from keras import layers

from tfpose.errors import TfposeError
from tfpose.layers.heatmap_fusion import Fusion
from tfpose.layers.heatmaps import PACKAGE
from tfpose.models import hourglass
from tfpose.models.base import PoseEstimator, image_input
from tfpose.models.resnet import normalize

# The next hourglass' input: Newell's, with 1x1 convolutions of features and heatmaps,
# or the sum of the hourglass' input and output (section III.A).
LINKS = ("hourglass", "plain")


def branched_residual(x, filters: int, name: str):
    """Newell's residual module plus a deeper branch (Fig. 5a).

    The text has "an extra deep branch further to the one used in" Newell's module,
    after Inception-ResNet. Ours has two 3x3 convolutions between its 1x1 convolutions,
    each normalized before; all branches are added.
    """
    inner, deep = filters // 2, f"{name}_deep"
    convolution, plain = hourglass.convolution, hourglass.residual(x, filters, name)
    x = convolution(normalize(x, f"{deep}_in"), inner, 1, f"{deep}_reduce")
    x = convolution(normalize(x, f"{deep}_reduce"), inner, 3, f"{deep}_first")
    x = convolution(normalize(x, f"{deep}_first"), inner, 3, f"{deep}_second")
    x = convolution(normalize(x, f"{deep}_second"), filters, 1, f"{deep}_expand")
    return layers.Add(name=f"{deep}_add")([plain, x])


RESIDUALS = {"branched": branched_residual, "newell": hourglass.residual}


def refinement_stem(image, filters: int, module=branched_residual):
    """RNet's nine layers: f32[B, H, W, 3] 0..255 to f32[B, H/4, W/4, filters].

    Two 1x1 convolutions, a pool, two 1x1 convolutions, a module, a pool, two modules
    (section III.A). The text leaves open the widths, here Newell's for 256 filters (64
    for the convolutions, 128, 128, 256 for the modules), and what follows a
    convolution, here normalization and ReLU.
    """
    quarter, half = filters // 4, filters // 2
    x = layers.Rescaling(1 / 255, name="scale_image", dtype="float32")(image)
    for pool in (0, 1):
        for index in (0, 1):
            name = f"stem{pool}_point{index}"
            x = normalize(hourglass.convolution(x, quarter, 1, name), name)
        if pool == 0:
            x = layers.MaxPooling2D(2, name="stem_pool0")(x)
    x = module(x, half, "stem_block0")
    x = layers.MaxPooling2D(2, name="stem_pool1")(x)
    return module(module(x, half, "stem_block1"), filters, "stem_block2")


def correction_stem(image, filters: int, module=hourglass.residual):
    """CNet's layers before its hourglasses; Newell's for 256 filters.

    A 7x7 convolution, a module, a pool, two modules (section III.B). The text leaves
    open the convolution's stride, which must be 2 with one pool, and the widths.
    """
    half = filters // 2
    return hourglass.stem(image, (filters // 4, half, half, filters), module)


def hourglasses(
    x, joints, depths, blocks, module, link="hourglass", enlarge_first=False,
    deep_bottom=False,
):  # fmt: skip
    """Hourglasses one after another, each with its heatmaps (Eq. 1 to 8).

    Args:
        x: f32[B, h, w, F], the first one's input.
        joints: K, heatmaps of each.
        depths: of each; h and w are multiples of 2^depth.
        blocks: modules at each place of an hourglass and after it.
        module: ``hourglass.residual`` or ``branched_residual``.
        link: one of ``LINKS``.
        enlarge_first: as in ``hourglass.hourglass``.
        deep_bottom: as many modules at the bottom of an hourglass as it is deep, not
            ``blocks``.

    Returns:
        Heatmaps of all hourglasses, a list of linear f32[B, h, w, K]; the last one's
        features f32[B, h, w, F].
    """
    filters, maps = x.shape[-1], []
    for number, depth in enumerate(depths, start=1):
        name = f"stack{number}"
        bottom = depth if deep_bottom else None
        carved = hourglass.hourglass(
            x, depth, blocks, filters, name, module, enlarge_first, bottom
        )
        found = hourglass.head(carved, blocks, filters, name, module)
        maps.append(hourglass.scores(found, joints, number))
        if number == len(depths):
            break
        if link == "plain":
            x = layers.Add(name=f"{name}_link")([x, carved])
        else:
            x = hourglass.link(x, found, maps[-1], name)
    return maps, found


@keras.saving.register_keras_serializable(package=PACKAGE)
class RNet(PoseEstimator):
    """The refinement network: hourglasses of one depth (section III.A).

    Input, a dict: "image" f32[B, H, W, 3] RGB 0..255.
    Outputs, a dict: "stage1", "stage2" ... and "heatmap" for the last hourglass, all
    linear f32[B, H/4, W/4, K]; "keypoints" f32[B, K, 2] crop px, the peaks of
    "heatmap".

    Args:
        joints: K.
        input_size: (height, width) of the crop, multiples of 4 * 2^depth.
        filters: of the hourglasses, nf of Eq. 1 to 7; a multiple of 4.
        stacks: hourglasses.
        depth: how often each halves its cells.
        blocks: residual modules at each place of an hourglass and after it.
        residual: "branched" (Fig. 5a, ``branched_residual``) or "newell".
        link: the next hourglass' input. "plain" is the text's sum of the hourglass'
            input and output; "hourglass" is Newell's, which passes heatmaps on, as the
            text says elsewhere.
        enlarge_first: enlarge before the modules as in Eq. 2, or after them as in
            Newell's network, at a quarter of the cost.
        deep_bottom: as many modules at the bottom of an hourglass as it is deep, as in
            Eq. 3, or ``blocks`` as in Newell's network.

    Raises:
        TfposeError: an argument outside these ranges.
    """

    def __init__(
        self,
        joints=16,
        input_size=(256, 256),
        filters=256,
        stacks=4,
        depth=4,
        blocks=2,
        residual="branched",
        link="hourglass",
        enlarge_first=False,
        deep_bottom=False,
        name="rnet",
        trainable=True,
    ):
        arguments = {
            "joints": joints,
            "input_size": tuple(input_size),
            "filters": filters,
            "stacks": stacks,
            "depth": depth,
            "blocks": blocks,
            "residual": residual,
            "link": link,
            "enlarge_first": enlarge_first,
            "deep_bottom": deep_bottom,
        }
        network = _network(refinement_stem, arguments, (depth,) * stacks)
        super().__init__(*network, arguments, name=name, trainable=trainable)


@keras.saving.register_keras_serializable(package=PACKAGE)
class CNet(PoseEstimator):
    """The correction network: hourglasses of different depths (section III.B).

    Inputs and outputs as in ``RNet``. It begins like Newell's network: the text names a
    7x7 convolution and one pool, which reach stride 4 if the convolution has stride 2.

    Args:
        joints, input_size, filters, link, enlarge_first, deep_bottom: as in ``RNet``;
            sides are multiples of 4 * 2^depth for the largest depth.
        depths: of the hourglasses, in the order of the text, the deepest last.
        blocks: residual modules at each place of an hourglass and after it.
        residual: "newell" or "branched". Fig. 5b shows a module "which has a different
            structure" from RNet's; Newell's is the only other that the text describes.

    Raises:
        TfposeError: an argument outside these ranges.
    """

    def __init__(
        self,
        joints=16,
        input_size=(256, 256),
        filters=256,
        depths=(1, 2, 3, 4),
        blocks=1,
        residual="newell",
        link="hourglass",
        enlarge_first=False,
        deep_bottom=False,
        name="cnet",
        trainable=True,
    ):
        arguments = {
            "joints": joints,
            "input_size": tuple(input_size),
            "filters": filters,
            "depths": tuple(depths),
            "blocks": blocks,
            "residual": residual,
            "link": link,
            "enlarge_first": enlarge_first,
            "deep_bottom": deep_bottom,
        }
        network = _network(correction_stem, arguments, tuple(depths))
        super().__init__(*network, arguments, name=name, trainable=trainable)


def _network(stem, arguments: dict, depths: tuple[int, ...]):
    """The image input, the heatmaps by name, and the last hourglass' features."""
    residual, link = arguments["residual"], arguments["link"]
    rules = {
        "filters": (arguments["filters"] % 4 == 0, "a multiple of 4"),
        "blocks": (arguments["blocks"] >= 1, "1 or more"),
        "residual": (residual in RESIDUALS, f"one of {tuple(RESIDUALS)}"),
        "link": (link in LINKS, f"one of {LINKS}"),
    }
    for argument, (holds, expected) in rules.items():
        if not holds:
            found = arguments[argument]
            raise TfposeError(f"{argument}: expected {expected}, got {found!r}")
    if not depths or min(depths) < 1:
        raise TfposeError(f"hourglasses: expected depths of 1 or more, got {depths}")
    image = image_input(arguments["input_size"])
    hourglass.check_size(image, max(depths))
    module = RESIDUALS[residual]
    maps, features = hourglasses(
        stem(image, arguments["filters"], module),
        arguments["joints"],
        depths,
        arguments["blocks"],
        module,
        link,
        arguments["enlarge_first"],
        arguments["deep_bottom"],
    )
    return image, hourglass.stage_outputs(maps), features


@keras.saving.register_keras_serializable(package=PACKAGE)
class HybridPose(PoseEstimator):
    """RNet, CNet and the fusion of their heatmaps (Fig. 1).

    Input, a dict: "image" f32[B, H, W, 3] RGB 0..255.
    Outputs, a dict: "rnet_stage1" ... "rnet_heatmap" and "cnet_stage1" ...
    "cnet_heatmap", all heatmaps of both networks, linear f32[B, H/4, W/4, K];
    "heatmap" f32[B, H/4, W/4, K], ``Fusion`` of the chosen ones; "keypoints"
    f32[B, K, 2] crop px, the peaks of "heatmap".

    The networks are its layers "rnet" and "cnet". They share nothing: trained together
    on the sum of their own losses, without one on "heatmap", they learn as if alone.

    If one choice of hourglasses is (), only the other network is built, and "heatmap"
    is that of its last chosen hourglass: ``refinement=()`` is the paper's fast mode
    (section IV.D).

    Args:
        joints: K.
        input_size: (height, width) of the crop.
        rnet, cnet: arguments of ``RNet`` and ``CNet``, except joints and input_size.
        refinement, correction: numbers, from 1, of RNet's and CNet's hourglasses to
            fuse. Table III: one of RNet's with all of CNet's, and all.
        clip: as in ``fuse``.

    Raises:
        TfposeError: unknown hourglasses or none; as the networks.
    """

    def __init__(
        self,
        joints=16,
        input_size=(256, 256),
        rnet=None,
        cnet=None,
        refinement=(1, 2, 3, 4),
        correction=(1, 2, 3, 4),
        clip=True,
        name="hybrid_pose",
        trainable=True,
    ):
        input_size = tuple(input_size)
        options = {"rnet": dict(rnet or {}), "cnet": dict(cnet or {})}
        numbers = {"rnet": tuple(refinement), "cnet": tuple(correction)}
        if not any(numbers.values()):
            raise TfposeError("refinement and correction: expected some, got none")
        image = image_input(input_size)
        outputs, groups = {}, {}
        for part, kind in PARTS.items():
            maps = []
            if numbers[part]:
                network = kind(joints, input_size, name=part, **options[part])
                found = network({"image": image})
                maps = [found[name] for name in map_names(network)]
                names = [f"{part}_{name}" for name in map_names(network)]
                outputs |= dict(zip(names, maps, strict=True))
            groups[part] = _choose(part, maps, numbers[part])
        if all(groups.values()):
            fused = Fusion(clip, name="fusion")(groups["rnet"], groups["cnet"])
        else:
            fused = (groups["rnet"] or groups["cnet"])[-1]
        arguments = {"joints": joints, "input_size": input_size, **options}
        arguments |= {"refinement": numbers["rnet"], "correction": numbers["cnet"]}
        super().__init__(
            image,
            {**outputs, "heatmap": fused},
            None,  # "heatmap" is made of heatmaps
            {**arguments, "clip": clip},
            name=name,
            trainable=trainable,
        )

    @classmethod
    def from_parts(cls, rnet=None, cnet=None, **options) -> HybridPose:
        """Fuses two trained networks, with copies of their weights.

        Args:
            rnet, cnet: a trained ``RNet`` and ``CNet``, or one of them alone.
            options: refinement, correction and clip; by default, all hourglasses.

        Raises:
            TfposeError: no network, networks that differ in joints or input size, or
                options that the class rejects.
        """
        arguments = {
            part: {} if network is None else dict(network.arguments)
            for part, network in (("rnet", rnet), ("cnet", cnet))
        }
        shared = {
            (own.pop("joints"), own.pop("input_size"))
            for own in arguments.values()
            if own
        }
        if len(shared) != 1:
            raise TfposeError(
                "from_parts: expected networks of the same joints and input size, got "
                f"{sorted(shared) or None}"
            )
        numbers = {"refinement": _all(rnet), "correction": _all(cnet)}
        model = cls(*shared.pop(), **arguments, **{**numbers, **options})
        return model.take(rnet, cnet)

    def take(self, rnet=None, cnet=None) -> HybridPose:
        """Copies the weights of trained networks into "rnet" and "cnet".

        Args:
            rnet, cnet: an ``RNet`` and a ``CNet`` with the arguments of this model's,
                for any input size. Ignored where this model has no such network.

        Returns:
            This model.

        Raises:
            TfposeError: a network is missing or does not match; nothing is copied.
        """
        given = {"rnet": rnet, "cnet": cnet}
        own = {layer.name: layer for layer in self.layers if layer.name in PARTS}
        for part, network in own.items():
            other, kind = given[part], PARTS[part].__name__
            if not isinstance(other, PARTS[part]):
                found = type(other).__name__
                raise TfposeError(f"{part}: expected {kind}, got {found}")
            for name, expected in network.arguments.items():
                found = other.arguments[name]
                if name != "input_size" and found != expected:
                    raise TfposeError(
                        f"{part}: expected {kind} with {name} {expected}, got {found}"
                    )
        for part, network in own.items():
            network.set_weights(given[part].get_weights())
        return self


PARTS = {"rnet": RNet, "cnet": CNet}
CHOICES = {"rnet": "refinement", "cnet": "correction"}


def map_names(network: PoseEstimator) -> list[str]:
    """Names of a network's heatmaps, in the order of its hourglasses."""
    stages = len(network.output) - 2  # without "heatmap" and "keypoints"
    return [*(f"stage{number}" for number in range(1, stages + 1)), "heatmap"]


def _all(network: PoseEstimator | None) -> tuple[int, ...]:
    return tuple(range(1, len(map_names(network)) + 1)) if network is not None else ()


def _choose(part: str, maps: list, numbers: tuple[int, ...]) -> list:
    """The heatmaps of the hourglasses with these numbers, from 1."""
    known = range(1, len(maps) + 1)
    if len(set(numbers)) < len(numbers) or not set(numbers) <= set(known):
        raise TfposeError(
            f"{CHOICES[part]}: expected different numbers of 1 to {len(maps)}, "
            f"hourglasses of {part}, got {numbers}"
        )
    return [maps[number - 1] for number in numbers]
