import keras
import numpy as np
import pytest

from tfpose.geometry import tensors
from tfpose.inference.hcrn_units import Units, unit_model
from tfpose.models import HCRN, IntegralPose, hcrn
from tfpose.skeletons import Skeleton

pytestmark = pytest.mark.slow

# A tree of three layers whose joints do not stand in the order of the tree.
CHAIN = Skeleton(
    name="chain",
    joints=("left_hand", "neck", "right_hand", "left_arm", "right_arm"),
    flip_pairs=(("left_hand", "right_hand"), ("left_arm", "right_arm")),
    limbs=(),
    sigmas=(0.1,) * 5,
    torso=("neck", "left_hand"),
    tree=(
        ("neck", "left_arm"),
        ("neck", "right_arm"),
        ("left_arm", "left_hand"),
        ("right_arm", "right_hand"),
    ),
)
SIZE, STRIDE, RADIUS = (32, 40), 4, 2
RANDOM = np.random.default_rng(0)
PHOTO = RANDOM.integers(0, 256, (60, 80, 3), dtype=np.uint8)
BOXES = np.array([[10.0, 5, 30, 40], [30, 10, 50, 20]])


@pytest.fixture(scope="module", autouse=True)
def pooling():
    """A front-end that passes the colors of each cell on."""

    def build(image, joints, stages):
        pooled = keras.layers.AveragePooling2D(STRIDE)(image)
        return [], keras.layers.Rescaling(1 / 128, offset=-1)(pooled)

    front_end = hcrn.FrontEnd(build, stride=STRIDE, multiple=STRIDE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(hcrn.FRONT_ENDS, "pooling", front_end)
        yield


@pytest.fixture(scope="module")
def model():
    return network()


@pytest.fixture(scope="module")
def units(model):
    return Units(model, CHAIN)


def network(**options):
    """An HCRN whose weights are all at chance."""
    model = HCRN.for_skeleton(
        CHAIN, input_size=SIZE, front_end="pooling", diffusion_radius=RADIUS, **options
    )
    random = np.random.default_rng(1)
    for layer in model.layers:
        if "diffusion" in layer.name:
            ends = (-0.05, 0.05), (0.01, 0.1)  # of the linear weights, of the others
            layer.set_weights(
                [
                    random.uniform(*e, w.shape)
                    for e, w in zip(ends, layer.weights, strict=True)
                ]
            )
        elif layer.weights:
            layer.set_weights([random.normal(0, 2, w.shape) for w in layer.weights])
    return model


def sigmoid(x):
    return 1 / (1 + np.exp(-np.asarray(x, np.float64)))


def diffused_by_hand(parent, linear, quadratic):
    """Eq. 5, cell by cell, of f[h, w]; two weights each."""
    height, width = parent.shape
    spread = np.full_like(parent, -np.inf)
    steps = range(-RADIUS, RADIUS + 1)
    for y in range(height):
        for x in range(width):
            for dy in steps:
                for dx in steps:
                    if 0 <= y + dy < height and 0 <= x + dx < width:
                        penalty = linear @ (dx, dy) + quadratic @ (dx**2, dy**2)
                        value = parent[y + dy, x + dx] - penalty
                        spread[y, x] = max(spread[y, x], value)
    return spread


def tree_place(joint):
    """(layer counted from 1, place in it) of a joint of CHAIN."""
    return {0: (3, 0), 1: (1, 0), 2: (3, 1), 3: (2, 0), 4: (2, 1)}[joint]


@pytest.mark.parametrize("joint", range(5))
def test_the_maps_of_a_unit_are_equations_1_to_5(model, joint):
    image = RANDOM.uniform(0, 255, (1, *SIZE, 3)).astype(np.float32)
    steps = {k: v.numpy()[0] for k, v in unit_model(model)({"image": image}).items()}
    outputs = model({"image": image})
    refined = sigmoid(outputs["heatmap"][0, ..., :5])
    initial = sigmoid(outputs["initial"][0])
    parent = CHAIN.parents[joint]
    guide = initial[..., joint] if parent < 0 else refined[..., parent]

    layer, place = tree_place(joint)
    weights = [w[:, place] for w in model.get_layer(f"layer{layer}_diffusion").weights]
    spread = diffused_by_hand(guide, *(w.numpy() for w in weights))
    own, context, bias = (
        w.numpy()[place] for w in model.get_layer(f"layer{layer}_refinement").weights
    )
    by_hand = {
        "initial": initial[..., joint],
        "parent": guide,
        "diffused": spread,
        "refined": sigmoid(own * initial[..., joint] + context * spread + bias),
    }
    assert list(steps) == list(by_hand)
    for step, values in by_hand.items():
        np.testing.assert_allclose(steps[step][..., joint], values, atol=1e-5)
    np.testing.assert_allclose(by_hand["refined"], refined[..., joint], atol=1e-5)


def test_a_unit_names_its_joint_and_its_parent(units):
    person = units(PHOTO, BOXES[0])
    assert [(unit.joint, unit.parent) for unit in person] == [
        ("left_hand", "left_arm"),
        ("neck", "neck"),
        ("right_hand", "right_arm"),
        ("left_arm", "neck"),
        ("right_arm", "neck"),
    ]
    assert {unit.maps["refined"].shape for unit in person} == {(8, 10)}
    # The parent's map is the one that the parent's own unit answered.
    by_name = {unit.joint: unit for unit in person}
    np.testing.assert_array_equal(
        by_name["left_hand"].maps["parent"], by_name["left_arm"].maps["refined"]
    )


def test_without_diffusion_there_is_no_diffused_map():
    outputs = unit_model(network(refinement="without_diffusion")).output
    assert list(outputs) == ["initial", "parent", "refined"]


def test_a_root_without_unit_has_only_its_initial_map():
    units = Units(network(root_cru=False), CHAIN)(PHOTO, BOXES[0])
    assert list(units[1].maps) == ["initial"] and units[1].parent is None
    assert len(units[3].maps) == 4 and units[3].parent == "neck"
    np.testing.assert_array_equal(units[3].maps["parent"], units[1].maps["initial"])


def test_a_network_without_units_is_refused():
    with pytest.raises(ValueError, match="expected an HCRN with units.*found hcrn"):
        Units(network(refinement="holistic"), CHAIN)
    other = IntegralPose(3, (32, 32), "tiny", (4, 4, 4), name="other")
    with pytest.raises(ValueError, match="expected an HCRN with units.*found other"):
        unit_model(other)


def test_peaks_are_where_the_model_puts_the_joints_of_a_crop(model, units):
    boxed = [(PHOTO, box) for box in BOXES]
    ((initial, refined),) = units.peaks(boxed)
    assert initial.shape == refined.shape == (2, 5, 2)
    for row, (photo, box) in enumerate(boxed):
        one = units(photo, box)
        for joint, unit in enumerate(one):
            for step, peaks in (("initial", initial), ("refined", refined)):
                np.testing.assert_allclose(unit.peaks[step], peaks[row, joint], 1e-4)
        matrix = tensors.crop_matrix(one[0].box, SIZE)
        crop = tensors.crop(photo, matrix, SIZE)[None]
        found = tensors.transform(
            model({"image": crop})["keypoints"][0], tensors.invert(matrix)
        )
        np.testing.assert_allclose(refined[row], found, atol=1e-3)


def test_a_bright_spot_is_found_at_its_place_in_the_photo(model, units):
    head = model.get_layer("initial")
    at_chance = head.get_weights()
    photo = np.zeros((100, 120, 3), np.uint8)
    photo[50:60, 70:80] = 255  # center (74.5, 54.5)
    try:
        head.set_weights([np.ones_like(at_chance[0]), np.zeros(5)])
        unit = units(photo, [40, 30, 60, 40])[3]
    finally:
        head.set_weights(at_chance)
    np.testing.assert_allclose(unit.peaks["initial"], [74.5, 54.5], atol=1)


def test_the_box_of_the_maps_is_the_crops(units):
    # 60 x 40 grows to 60 x 48, the shape of the crop, and by the margin of 1.25.
    unit = units(PHOTO, [10, 10, 60, 40])[0]
    np.testing.assert_allclose(unit.box, [2.5, 0, 75, 60], atol=1e-4)
