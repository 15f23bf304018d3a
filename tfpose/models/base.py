"""The interface of all networks, to the rest of the package and to Keras users."""

from __future__ import annotations

import contextlib
import functools
import inspect
import pathlib
from collections.abc import Callable

import keras
from keras import layers

from tfpose.config import Config
from tfpose.errors import ModelFolderError, TfposeError
from tfpose.layers.heatmaps import LocalSoftArgmax, SoftArgmax, SpatialSoftmax
from tfpose.models import folders, objectives
from tfpose.models.conventions import Conventions
from tfpose.models.outputs import agreed
from tfpose.models.published import importing
from tfpose.skeletons import Skeleton

# What turns heatmaps into beliefs.
ACTIVATIONS = ("linear", "sigmoid", "softmax")


@contextlib.contextmanager
def dtype_policy(policy):
    """Context that creates layers under a policy; None keeps the global one."""
    before = keras.config.dtype_policy()
    if policy is not None:
        keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def under_its_policy(init):
    """Adds the argument ``dtype`` to a model's ``__init__``, which builds under it."""

    @functools.wraps(init)
    def wrapped(self, *args, dtype=None, **kwargs):
        with dtype_policy(dtype):
            init(self, *args, **kwargs)

    # Keras reads the signature in two ways; one of them sees through a wrapper.
    del wrapped.__wrapped__
    own = inspect.signature(init).parameters.values()
    fixed = [one for one in own if one.kind is not one.VAR_KEYWORD]
    dtype = inspect.Parameter("dtype", inspect.Parameter.KEYWORD_ONLY, default=None)
    rest = [one for one in own if one.kind is one.VAR_KEYWORD]
    wrapped.__signature__ = inspect.Signature([*fixed, dtype, *rest])
    return wrapped


class PoseModel(keras.Model):
    """A network from a person's crop to heatmaps and keypoints.

    Every model takes ``dtype``, a Keras dtype policy such as "mixed_bfloat16". Heatmaps
    and coordinates stay float32 under any policy: bfloat16 cannot count beyond 256.

    Args:
        inputs: name -> ``keras.Input``.
        outputs: name -> tensor; "heatmap" and "keypoints" are among them.
        arguments: those of the subclass except name, trainable and dtype. Of a class
            that takes "normalization", the "momentum" and "epsilon" of all batch
            normalizations.
        joints: K.
        stride: px per cell of "heatmap".
        activation: one of ``ACTIVATIONS``; the heatmaps are its inputs ("logits").
        targets: output name -> codec settings that the recipe does not have
            (``objectives.codec_of``).

    Attributes:
        joints, stride, activation, targets, arguments: as above.
        input_size: (height, width) of the crop.
        recipe: the ``Config`` it was built or compiled for, or None.
        score_fit: (offset, slope) of ``Probability``, which tells what its scores mean;
            None if nobody measured it.
        conventions: what its weights take for granted about photos and maps.

    Example:
        >>> import tfpose
        >>> model = tfpose.models.PoseFix.from_preset("posefix_tiny_lsp")
        >>> model.recipe.skeleton.name, model.input_size
        ('lsp14', (160, 160))
    """

    conventions = Conventions()

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if "__init__" in vars(cls):
            cls.__init__ = under_its_policy(cls.__init__)

    def __init__(
        self,
        inputs: dict,
        outputs: dict,
        arguments: dict,
        joints: int,
        stride: float,
        activation: str = "linear",
        targets: dict | None = None,
        name: str | None = None,
        trainable: bool = True,
    ):
        super().__init__(inputs=inputs, outputs=outputs, name=name, trainable=trainable)
        self.arguments = arguments
        self.joints, self.stride = joints, stride
        _set_normalization(self, arguments.get("normalization"))
        self.input_size = tuple(inputs["image"].shape[1:3])
        self.activation, self.targets = activation, dict(targets or {})
        self.recipe: Config | None = None
        self.score_fit: tuple[float, float] | None = None

    @classmethod
    def for_skeleton(cls, skeleton: Skeleton, **arguments) -> PoseModel:
        """Builds the network for a skeleton's joints; ``arguments`` are the class's."""
        return cls(joints=len(skeleton), **arguments)

    @classmethod
    def from_preset(cls, name: str | pathlib.Path, **arguments) -> PoseModel:
        """Loads a trained network.

        Args:
            name: of a preset (``tfpose models`` lists them), or a model folder.
            arguments: class arguments that override the preset's, such as
                ``dtype="mixed_bfloat16"``.

        Raises:
            ModelFolderError: no such model, or another network's weights.
            ConfigError: an unreadable ``config.json``.
        """
        folder = folders.model_folder(name)
        config = folders.load_config(folder)
        # Recipes and configurations know a class by its default name.
        own = inspect.signature(cls.__init__).parameters["name"].default
        if config.model != own:
            raise ModelFolderError(
                f"model {name}: expected weights of {own} ({cls.__name__}), found "
                f"those of {config.model}"
            )
        model = folders.new_model(cls, config, **arguments)
        folders.load_weights(model, folder)
        return model

    @classmethod
    def from_torch(cls, path: str | pathlib.Path, **options) -> PoseModel:
        """Builds the network from a published PyTorch checkpoint; runs nothing in it.

        Which codes' checkpoints, and what they assume: ``docs/importing.md``.

        Args:
            path: of a ``.pth``, ``.pth.tar``, ``.safetensors`` or ``.npz`` file.
            options: those of ``models.published.importing.from_torch``: "skeleton" (a
                ``Skeleton``, a name, or a JSON file; by default COCO's for 17 joints
                and MPII's for 16), "input_size", (height, width) of the crops;
                "conventions", settings that differ from the code's
                (``models.conventions.Conventions``); "dtype".

        Returns:
            The model, which ``save_to_preset`` writes with its ``recipe``.

        Raises:
            TfposeError: a file that cannot be read, one of another network, or tensors
                that are left over or missing.
        """
        own = inspect.signature(cls.__init__).parameters["name"].default
        return importing.from_torch(cls, own, path, **options)

    def save_to_preset(
        self, folder: str | pathlib.Path, config: Config | None = None
    ) -> None:
        """Writes a model folder, which ``from_preset`` and every command reads.

        Args:
            folder: to write; it must not hold a model yet.
            config: what the model was trained for; by default, its ``recipe``.

        Raises:
            ModelFolderError: the folder holds a model, or there is no configuration.
        """
        config = config or self.recipe
        if config is None:
            raise ModelFolderError(
                f"{folder}: expected a configuration beside the weights: give "
                "save_to_preset(folder, config) the Config of this model"
            )
        folder = pathlib.Path(folder)
        with folders.writing(folder):
            folders.begin(folder, config)
            folders.write_weights(self, folder)

    def compile_for(self, config: Config, steps_per_epoch: int | None = None) -> None:
        """Compiles the model with a configuration's losses and optimizer.

        Args:
            config: from a recipe, or the model's own ``recipe``.
            steps_per_epoch: of the training data. Without it, the learning rate stays
                constant, since schedules count steps.

        Raises:
            TrainingError: a loss that does not fit the model's heatmaps.
        """
        schedule = objectives.Schedule.of(config, steps_per_epoch)
        objectives.compile_model(self, config, schedule)
        self.recipe = config

    def start_pose_filters(self) -> None:
        """Initializes the filters for the pose once those for the photo are loaded.

        Does nothing by default: they keep their random values.
        """

    @property
    def is_refiner(self) -> bool:
        """Whether the model takes a pose besides the photo."""
        return "keypoints" in self.input

    @property
    def is_bottom_up(self) -> bool:
        """Whether the model's outputs tell people apart."""
        return "tags" in self.output

    def get_config(self):
        own = {"name": self.name, "trainable": self.trainable}
        return {**self.arguments, **own, "dtype": self.dtype_policy.name}


# What "normalization" may set.
NORMALIZATION = ("momentum", "epsilon")


def _set_normalization(model: keras.Model, settings: dict | None) -> None:
    """Sets the numbers of a network's batch normalizations.

    Raises:
        TfposeError: a setting that is not of ``NORMALIZATION``, or not in (0, 1).
    """
    for name, value in (settings or {}).items():
        if name not in NORMALIZATION or not 0 < value < 1:
            raise TfposeError(
                f"normalization: expected {' and '.join(NORMALIZATION)} between 0 and "
                f"1, got {name} {value!r}"
            )
        for layer in model.layers:
            if isinstance(layer, layers.BatchNormalization):
                setattr(layer, name, value)


class RefinementModel(PoseModel):
    """A network from a person's crop and a pose to a better pose.

    Inputs, a dict: "image" f32[B, H, W, 3] RGB 0..255; "keypoints" f32[B, K, 2] crop
    px; "valid" f32[B, K], 1 where the input pose has the joint.
    Outputs, a dict: "heatmap" f32[B, h, w, K]; "keypoints" f32[B, K, 2] crop px; others
    by name.

    Args:
        inputs: from ``refinement_inputs``.
        outputs, arguments, activation, targets, name, trainable: as in ``PoseModel``;
            "joints" is among the arguments.

    Attributes:
        nms_threshold: of refined poses in a photo with an OKS above it, the paper's
            testing keeps only the best; 1 keeps all.
    """

    nms_threshold = 1.0

    def __init__(self, inputs: dict, outputs: dict, arguments: dict, **options):
        stride = inputs["image"].shape[1] // outputs["heatmap"].shape[1]
        super().__init__(
            inputs, outputs, arguments, arguments["joints"], stride, **options
        )

    def reader(self, score: Callable) -> Callable:
        """The reader of one or two looks at a person.

        Args:
            score: from beliefs to scores, ``outputs.score_layer``.

        Returns:
            The function of a list of beliefs f32[B, h, w, K], of the crop and of its
            mirror image, and of the outputs for the crop; to the mean belief, which can
            be weighed against other evidence (it sums to 1 over cells of 4 px), to
            keypoints f32[B, K, 2] crop px for the next round, and to those that are the
            answer. Here, the first are the belief's expectation: between two places, it
            asks again. The others are near the looks' peaks.
        """
        expectation, near = SoftArgmax(self.stride), LocalSoftArgmax(self.stride)

        def read(looks, outputs):
            belief = sum(looks) / len(looks)
            answer = agreed([(near(look), score(look)) for look in looks])
            return belief, expectation(belief), answer

        return read


def refinement_inputs(joints: int, input_size: tuple[int, int]) -> dict:
    """The inputs of a ``RefinementModel``; all are float32 under any policy."""
    shapes = {"image": (*input_size, 3), "keypoints": (joints, 2), "valid": (joints,)}
    return {
        name: keras.Input(shape, name=name, dtype="float32")
        for name, shape in shapes.items()
    }


def image_input(input_size: tuple[int, int]):
    """The input of a ``PoseEstimator``: "image" f32[B, H, W, 3] RGB 0..255."""
    return keras.Input((*input_size, 3), name="image", dtype="float32")


class PoseEstimator(PoseModel):
    """A network from a person's crop to heatmaps of the K joints.

    Input, a dict: "image" f32[B, H, W, 3] RGB 0..255.
    Outputs, a dict: "heatmap" f32[B, h, w, C], whose first K channels are the joints';
    other supervised heatmaps by name; "keypoints" f32[B, K, 2] crop px, the peaks of
    "heatmap" or, for "softmax", its expectation.

    Args:
        image: from ``image_input``.
        maps: name -> f32[B, h, w, C], "heatmap" among them.
        features: f32[B, h, w, F], from which "heatmap" was made (EnhanceNet's F^LR).
        arguments, activation, targets, name, trainable: as in ``PoseModel``.
        joints: K; by default, "joints" of the arguments.
        keypoints: f32[B, K, 2] crop px, of models that decode in their own way and name
            the layer of their belief f32[B, h, w, K] "belief"; default: ``decoded``.
        conventions: how ``image`` was prepared, and how maps become positions.

    Attributes:
        features: as above.
    """

    def __init__(
        self,
        image,
        maps: dict,
        features,
        arguments: dict,
        joints: int | None = None,
        activation: str = "linear",
        keypoints=None,
        conventions: Conventions = PoseModel.conventions,
        **options,
    ):
        joints = joints or arguments["joints"]
        stride = image.shape[1] / maps["heatmap"].shape[1]
        stride = int(stride) if stride.is_integer() else stride
        if keypoints is None:
            read = conventions.position_layer(stride, "peak")
            keypoints = decoded(maps["heatmap"], joints, stride, activation, read)
        super().__init__(
            {"image": image},
            {**maps, "keypoints": keypoints},
            arguments,
            joints,
            stride,
            activation,
            **options,
        )
        self.features, self.conventions = features, conventions


def decoded(heatmap, joints: int, stride: float, activation: str, read: Callable):
    """f32[B, K, 2] crop px: a heatmap's peaks or, for "softmax", its expectation.

    ``read`` is the layer from a belief to its peaks.

    The belief f32[B, h, w, K] is the output of the layer "belief".
    """
    belief = heatmap[..., :joints] if heatmap.shape[-1] > joints else heatmap
    if activation == "softmax":
        belief = SpatialSoftmax(name="belief")(belief)
        return SoftArgmax(stride, name="soft_argmax")(belief)
    belief = layers.Activation(activation, name="belief", dtype="float32")(belief)
    return read(belief)


def check_size(input_size, multiple: int) -> tuple[int, int]:
    """Returns an input size as a tuple after checking its sides.

    Raises:
        TfposeError: a side is not a multiple of ``multiple``.
    """
    input_size = tuple(input_size)
    if any(side % multiple for side in input_size):
        raise TfposeError(
            f"input_size: expected multiples of {multiple}, got {input_size}"
        )
    return input_size
