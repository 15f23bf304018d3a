"""Predictor: the same answers as the package's, in NumPy, and what it refuses."""

import json
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from tests.exporting.test_savedmodel import CONFIGURATION, ESTIMATOR
from tests.support.contracts import fill_weights
from tfpose.edge import flatbuffer, metadata
from tfpose.edge.predictor import Predictor
from tfpose.errors import MetadataError, PredictorError, TfposeError
from tfpose.exporting import litert, savedmodel
from tfpose.geometry import tensors
from tfpose.geometry.crops import crop_box, standing_height
from tfpose.inference.refiner import Refiner
from tfpose.models.folders import CONFIG, WEIGHTS
from tfpose.models.serving_graph import serving_model
from tfpose.models.table import build_model
from tfpose.skeletons import COCO17, LSP14

SIZE = (64, 48)
# No box in it, and no pose, is centered on whole pixels.
BOX = np.array([[10.3, 20.2, 90.1, 130.7]])


@pytest.fixture(scope="module")
def photo():
    """Smooth random blobs, u8[150, 110, 3]."""
    coarse = np.random.default_rng(5).uniform(0, 255, (10, 8, 3))
    rows, columns = np.linspace(0, 8.99, 150), np.linspace(0, 6.99, 110)
    return coarse[rows.astype(int)][:, columns.astype(int)].astype(np.uint8)


@pytest.fixture(scope="module")
def poses():
    """f64[2, 14, 2] and f64[2, 14]: two poses, the second without two of its joints."""
    random = np.random.default_rng(6)
    keypoints = random.uniform((20, 15), (100, 140), (2, 14, 2))
    scores = np.ones((2, 14))
    scores[1, [0, 7]] = 0
    return keypoints, scores


# --- crops -----------------------------------------------------------------------


@pytest.mark.parametrize("wanted", [0.0, 40.0])
@pytest.mark.parametrize("skeleton", [LSP14, COCO17], ids=lambda s: s.name)
def test_the_box_around_a_pose_is_the_refiners(skeleton, wanted):
    random = np.random.default_rng(7)
    keypoints = random.uniform(0, 100, (3, len(skeleton), 2))
    valid = np.ones((3, len(skeleton)))
    valid[1, 2:5] = 0  # some are missing
    valid[2, 1:] = 0  # a single joint, which has no extent
    about = {**description(skeleton), "crop": crop_rule(wanted)}
    rule = Predictor(None, about)._rule
    found, shown = rule.boxes((101, 101), keypoints, valid, skeleton)
    np.testing.assert_array_equal(shown, valid)
    box = tensors.scale_box(tensors.box_around(keypoints, valid), 1.2)
    height = standing_height(np.float32(keypoints), np.float32(valid), skeleton)
    expected = crop_box(box, height, SIZE, wanted)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-3)


def crop_rule(height=0.0):
    return {"margin": 1.25, "box_factor": 1.2, "person_height": height}


def description(skeleton=LSP14, task="refine", decoding="expectation"):
    return {
        "format": 1,
        "task": task,
        "skeleton": skeleton.to_json(),
        "input_size": list(SIZE),
        "crop": crop_rule(),
        "decoding": decoding,
    }


# --- inputs ----------------------------------------------------------------------


def test_nobody_in_a_photo_is_nobody_in_the_answer(photo):
    for task in metadata.TASKS:
        keypoints, scores = Predictor(None, description(task=task))(photo, [])
        assert keypoints.shape == (0, 14, 2) and scores.shape == (0, 14)


@pytest.mark.parametrize(
    "keypoints, scores, message",
    [
        (np.ones((1, 13, 2)), None, r"expected the shape \(people, 14, 2\) of lsp14"),
        (np.ones((1, 14, 3)), None, r"found \(1, 14, 3\)"),
        (np.ones((14, 2)), None, r"found \(14, 2\)"),
        (np.full((1, 14, 2), np.nan), None, r"keypoints\[0\]: .* found NaN"),
        (np.zeros((1, 14, 2)), None, r"keypoints\[0\]: .* 3 joints, found 0"),
        (np.ones((1, 14, 2)), np.zeros((1, 14)), "at least 3 joints, found 0"),
        (np.ones((1, 14, 2)), np.tri(1, 14, 1), "at least 3 joints, found 2"),
        (np.ones((1, 14, 2)), np.ones((1, 13)), r"scores: .* found \(1, 13\)"),
        (np.ones((1, 14, 2)), np.full((1, 14), np.nan), r"scores\[0\]: .* found NaN"),
    ],
)
def test_poses_that_cannot_be_refined_are_named(photo, keypoints, scores, message):
    with pytest.raises(TfposeError, match=message):
        Predictor(None, description())(photo, keypoints, scores)


@pytest.mark.parametrize(
    "boxes, message",
    [
        (np.ones((2, 3)), r"expected the shape \(people, 4\), found \(2, 3\)"),
        ([[0, 0, 5, 5], [0, 0, 0, 5]], r"boxes\[1\]: expected .* positive width"),
        ([[0, 0, np.inf, 5]], r"boxes\[0\]: expected numbers"),
    ],
)
def test_boxes_that_show_nothing_are_named(photo, boxes, message):
    with pytest.raises(TfposeError, match=message):
        Predictor(None, description(task="estimate"))(photo, boxes)


@pytest.mark.parametrize(
    "wrong", [np.zeros((4, 4)), np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8)]
)
def test_what_is_no_photo_is_refused(wrong):
    with pytest.raises(TfposeError, match="photo: expected"):
        Predictor(None, description())(wrong, [])


def test_joints_are_missing_by_their_score_or_without_scores_at_0_0(photo, poses):
    given = []

    def network(inputs):
        given.append(inputs["valid"])
        return {"keypoints": np.zeros((1, 14, 2)), "scores": np.ones((1, 14))}

    keypoints, scores = poses
    predictor = Predictor(network, description())
    predictor(photo, keypoints, scores, flip=False)
    np.testing.assert_array_equal(np.concatenate(given), scores)
    given.clear()
    predictor(photo, keypoints * (scores > 0)[..., None], flip=False)
    np.testing.assert_array_equal(np.concatenate(given), scores)


def test_peaks_are_not_averaged_with_those_of_the_mirrored_crop(photo):
    calls = []

    def network(inputs):
        calls.append(inputs["image"])
        return {"keypoints": np.zeros((1, 14, 2)), "scores": np.ones((1, 14))}

    Predictor(network, description(task="estimate", decoding="peak"))(photo, BOX)
    assert len(calls) == 1
    Predictor(network, description(task="estimate"))(photo, BOX)
    assert len(calls) == 3
    np.testing.assert_array_equal(calls[1], calls[2][:, :, ::-1])
    Predictor(network, description(task="estimate"))(photo, BOX, flip=False)
    assert len(calls) == 4


@pytest.mark.parametrize(
    "name, content, message",
    [
        ("none.tflite", None, "found No such file"),
        ("text.tflite", b"not a model at all", "not a usable .tflite file"),
    ],
)
def test_a_file_that_is_no_model_is_named(tmp_path, name, content, message):
    if content:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(PredictorError, match=f"{name}: .*{message}"):
        Predictor.load(tmp_path / name)


# Keras raises it when it saves weights under NumPy 2.4.
keras_saves = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't")


# --- exports ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def exports(tmp_path_factory, nano_trunk, nano_front_end):
    """Folder with a refiner and an estimator as model folders and exports."""
    folder = tmp_path_factory.mktemp("exports")
    for config in (CONFIGURATION, ESTIMATOR):
        _export(config, folder / config.model)
    return folder


def _export(config, place):
    model = fill_weights(build_model(config))
    if config is CONFIGURATION:
        # Of noise alone, two distant cells may be equally high.
        model.get_layer("pose_prior").weight.assign(np.full(14, 5.0))
    (place / "saved" / "1").mkdir(parents=True)
    (place / CONFIG).write_text(json.dumps(config.to_json()))
    model.save_weights(place / WEIGHTS)
    skeleton = config.skeleton
    serving = serving_model(model, skeleton, phases=True)
    savedmodel.write_saved_model(serving, place / "saved" / "1", batch=1)
    about = metadata.describe(model, skeleton, place.name, config.model)
    metadata.write_asset(place / "saved" / "1", about)
    plain = litert.convert(str(place / "saved" / "1"))
    (place / "plain.tflite").write_bytes(plain)
    content = flatbuffer.embed(plain, {**about, "numbers": "float32"})
    (place / "model.tflite").write_bytes(content)
    if config is CONFIGURATION:
        model.save(place / "model.keras")


@pytest.mark.slow
@keras_saves
def test_every_form_of_a_refiner_gives_the_refiners_answer(
    exports, photo, poses, monkeypatch
):
    cut, place = Refiner.cut, exports / "posefix"

    def rounded(*given):
        crops, *rest = cut(*given)
        return tf.round(crops), *rest

    # The crops that exports are given are whole numbers.
    monkeypatch.setattr(Refiner, "cut", rounded)
    refiner = Refiner.from_preset(str(place))
    expected, expected_scores = refiner(photo, *poses)
    for name in ("model.tflite", "saved", "saved/1", "model.keras", "."):
        found, scores = Predictor.load(place / name)(photo, *poses)
        assert found.dtype == scores.dtype == np.float32
        # A value of the crop that lies between two may be rounded up or down.
        assert np.abs(found - expected).max() < 0.02, name
        np.testing.assert_allclose(scores, expected_scores, atol=1e-3)


@pytest.mark.slow
@keras_saves
def test_an_exported_estimator_gives_the_same_answer(exports, photo):
    place = exports / "hcrn"
    expected = Predictor.load(place)(photo, BOX)
    found = Predictor.load(place / "model.tflite")(photo, BOX)
    for part, wanted in zip(found, expected, strict=True):
        np.testing.assert_allclose(part, wanted, atol=2e-3)


@pytest.mark.slow
@keras_saves
def test_it_runs_where_tensorflow_is_not_installed(exports, photo, poses, tmp_path):
    path = exports / "posefix" / "model.tflite"
    keypoints, scores = poses
    given, answer = tmp_path / "input.npz", tmp_path / "answer.npz"
    np.savez(given, photo=photo, keypoints=keypoints, scores=scores)
    program = (
        "import sys\n"
        "for name in ('tensorflow', 'keras', 'scipy', 'tensorflow_datasets', 'jax'):\n"
        "    sys.modules[name] = None\n"
        "import numpy as np\n"
        "from tfpose.edge.predictor import Predictor\n"
        f"given = np.load({str(given)!r})\n"
        f"predictor = Predictor.load({str(path)!r})\n"
        "people = given['keypoints'], given['scores']\n"
        "keypoints, scores = predictor(given['photo'], *people)\n"
        f"np.savez({str(answer)!r}, keypoints=keypoints, scores=scores)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
    expected, expected_scores = Predictor.load(path)(photo, *poses)
    with np.load(answer) as found:
        np.testing.assert_allclose(found["keypoints"], expected, atol=1e-4)
        np.testing.assert_allclose(found["scores"], expected_scores, atol=1e-4)


@pytest.mark.slow
@keras_saves
def test_a_file_without_a_description_is_refused(exports):
    with pytest.raises(MetadataError, match="written by 'tfpose export'"):
        Predictor.load(exports / "posefix" / "plain.tflite")


@pytest.mark.parametrize("apart, expected", [(10, 45), (14, 40), (-14, 54)])
def test_looks_that_mean_the_same_place_are_averaged_and_of_others_the_surer_counts(
    apart, expected
):
    """Joints at x = 40 and 50 of the crop's 96 px, or at 40 and 54, by hand."""
    looks = iter([(40.0, 0.7), (SIZE[1] - 1 - 40 - abs(apart), 0.6)])
    if apart < 0:  # the mirror image is surer
        looks = iter([(40.0, 0.5), (SIZE[1] - 1 - 54.0, 0.6)])

    def network(inputs):
        x, score = next(looks)
        keypoints = np.full((1, 14, 2), [x, 9.0])
        return {"keypoints": keypoints, "scores": np.full((1, 14), score)}

    predictor = Predictor(network, description(task="estimate"))
    inputs = {"image": np.zeros((*SIZE, 3), np.uint8)}
    points, middle, _ = predictor._answer(inputs, flip=True)
    np.testing.assert_allclose(points, np.full((14, 2), [expected, 9.0]))
    middle_x = 40 + abs(apart) / 2
    np.testing.assert_allclose(middle, np.full((14, 2), [middle_x, 9.0]))


def test_the_same_belief_twice_keeps_its_score(photo):
    """The score of the mean of two equal beliefs is theirs."""

    def network(inputs):
        keypoints = np.full((1, 14, 2), [(SIZE[1] - 1) / 2, 9.0])
        return {"keypoints": keypoints, "scores": np.full((1, 14), 0.6)}

    _, scores = Predictor(network, description(task="estimate"))(photo, BOX)
    np.testing.assert_allclose(scores, 0.6, atol=1e-6)


# --- people found in the photo ---------------------------------------------------


def answers_the_middle(inputs):
    """All joints in the middle of the crop, in a cross; scores of 0.5."""
    steps = np.linspace(-9, 9, 14)
    cross = np.stack([steps, np.abs(steps)], axis=1)
    keypoints = (np.array(SIZE[::-1]) - 1) / 2 + cross
    return {"keypoints": keypoints[None], "scores": np.full((1, 14), 0.5)}


def test_people_are_found_and_posed_best_first(photo):
    boxes = np.float32([[60, 10, 30, 60], [10, 20, 40, 80], [11, 20, 40, 80]])
    predictor = Predictor(answers_the_middle, description(task="estimate"))
    # The last two boxes show the same person.
    keypoints, scores = predictor.find(
        photo, lambda given: (boxes, np.float32([0.4, 0.8, 0.9])), flip=False
    )
    expected, _ = predictor(photo, boxes[[2, 0]], flip=False)
    np.testing.assert_allclose(keypoints, expected)
    assert keypoints.shape == (2, 14, 2) and (scores == 0.5).all()


def test_nobody_found_is_nobody_posed(photo):
    predictor = Predictor(answers_the_middle, description(task="estimate"))
    # The package's own detector, in a photo of blobs.
    keypoints, scores = predictor.find(photo)
    assert keypoints.shape == (0, 14, 2) and scores.shape == (0, 14)


def test_a_refiner_finds_nobody(photo):
    with pytest.raises(PredictorError, match="finds poses in boxes, found one that"):
        Predictor(None, description(task="refine")).find(photo)
