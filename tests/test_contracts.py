"""The contract: laws that every row of the table in cases.py obeys."""

import json
import re

import keras
import numpy as np
import pytest
import tensorflow as tf

from data_prep.prepare import prepare
from tests.support import contracts
from tests.support.cases import CASES, CODEC_CASES
from tests.support.contracts import (
    BATCH,
    answers,
    arrays,
    assert_close,
    build,
    inputs_of,
)
from tests.support.decoders import decode
from tests.support.importer_cases import IMPORTER_CASES
from tfpose.data import pipeline
from tfpose.data.examples import Supervision, examples
from tfpose.exporting import litert, savedmodel
from tfpose.geometry import tensors
from tfpose.models.serving_graph import in_float32
from tfpose.models.summary import without_weights

# Keras raises it when it saves weights under NumPy 2.4.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept"
)

# Rows that take more than a second to build.
LARGE = "posefix_resnet50 posefix_efficientnet_lite0 hourglass rnet hybrid_pose".split()
LARGE += "hcrn hcrn_without_diffusion hcrn_holistic dlcm hrnet cpn".split()
LARGE += "associative_embedding simple_baseline".split()
every_case = pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, marks=[pytest.mark.slow] * (case.name in LARGE))
        for case in CASES
    ],
    ids=lambda case: case.name,
)
every_codec = pytest.mark.parametrize(
    "case", CODEC_CASES, ids=lambda case: type(case.codec).__name__
)


# --- models and layers -----------------------------------------------------------


@every_case
def test_shapes_types_and_parameters_are_those_of_the_table(case):
    model = build(case)
    outputs = answers(case)
    assert {name: array.shape for name, array in outputs.items()} == {
        name: (BATCH, *shape) for name, shape in case.outputs.items()
    }
    assert {tuple(t.shape) for t in model.output.values()} == {
        (None, *shape) for shape in case.outputs.values()
    }
    assert all(array.dtype == np.float32 for array in outputs.values())
    sizes = [np.prod(weight.shape) for weight in model.trainable_variables]
    assert sum(sizes) == case.parameters


# Rows of a class that another row saves: of them only the arguments are new.
OTHER_ARGUMENTS = "posefix_coarse posefix_resnet50 pose_refiner_prior".split()
OTHER_ARGUMENTS += "hcrn_holistic hcrn hcrn_without_diffusion".split()


@pytest.mark.slow
@pytest.mark.parametrize(
    "case",
    [case for case in CASES if case.name not in OTHER_ARGUMENTS],
    ids=lambda case: case.name,
)
def test_a_saved_model_is_the_same_after_loading(case, tmp_path):
    model = build(case)
    model.save(tmp_path / "model.keras")
    # Made again from its configuration as JSON, and filled.
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert type(again) is type(model)
    ours, theirs = map(keras.saving.serialize_keras_object, (model, again))
    assert json.dumps(theirs) == json.dumps(ours)
    for name, found in arrays(again(inputs_of(case))).items():
        np.testing.assert_array_equal(found, answers(case)[name])


@pytest.mark.slow
@pytest.mark.parametrize(
    "case",
    [case for case in CASES if case.name in OTHER_ARGUMENTS],
    ids=lambda case: case.name,
)
def test_a_saved_configuration_brings_the_network_back(case):
    model = build(case)
    written = json.loads(json.dumps(keras.saving.serialize_keras_object(model)))
    with without_weights():
        again = keras.saving.deserialize_keras_object(written)
        assert type(again) is type(model)
        ours, theirs = (
            [(weight.path, tuple(weight.shape)) for weight in one.weights]
            for one in (model, again)
        )
        assert theirs == ours
        theirs = keras.saving.serialize_keras_object(again)
    assert json.loads(json.dumps(theirs)) == written


@pytest.mark.slow
@every_case
def test_gradients_reach_every_weight_and_a_step_of_training_changes_it(case):
    model = build(case)
    inputs = {name: tf.constant(value) for name, value in inputs_of(case).items()}
    random = np.random.default_rng(1)
    before = model.get_weights()
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        outputs = model(inputs, training=True)
        # Weighted at random: the sum of a softmax does not depend on anything.
        loss = sum(
            tf.reduce_sum(output * random.normal(size=output.shape).astype(np.float32))
            for output in outputs.values()
        )
    variables = [weight.value for weight in model.trainable_variables]
    by_weight, by_input = tape.gradient(loss, [variables, list(inputs.values())])
    largest = max((np.abs(gradient).max() for gradient in by_weight), default=0)
    for weight, gradient in zip(model.trainable_variables, by_weight, strict=True):
        assert gradient is not None, f"{weight.path}: no gradient"
        assert np.isfinite(gradient).all(), f"{weight.path}: not finite"
        if re.search(case.cancelled, weight.path):
            assert np.abs(gradient).max() < 1e-4 * largest, f"{weight.path}: not zero"
        else:
            assert np.any(gradient), f"{weight.path}: zero"
    assert all(np.isfinite(g).all() for g in by_input if g is not None)
    try:
        take_a_step(case, model, by_weight)
    finally:
        model.set_weights(before)  # other tests share the model


def take_a_step(case, model, gradients):
    """As ``fit`` takes it; the law of mixed precision has the models fit."""
    before = [weight.numpy() for weight in model.trainable_variables]
    if before:
        keras.optimizers.SGD(0.1).apply(gradients, model.trainable_variables)
    for weight, old in zip(model.trainable_variables, before, strict=True):
        cancelled = re.search(case.cancelled, weight.path)
        assert np.isfinite(weight.numpy()).all(), f"{weight.path}: not finite"
        assert cancelled or np.any(weight.numpy() != old), f"{weight.path}: unchanged"


@every_case
def test_answers_are_those_of_the_golden_file(case):
    found = answers(case)
    path = contracts.GOLDEN / f"{case.name}.npz"
    if not path.exists():
        np.savez_compressed(path, **found)
        pytest.fail(f"wrote {path}: look at it and commit it")
    with np.load(path) as golden:
        assert_close(found, dict(golden))


# --- mixed precision -------------------------------------------------------------

MODELS = [case for case in CASES if "keypoints" in case.outputs]
# Other rows have all their layers: their exports say nothing new.
COVERED = "posefix_coarse posefix_resnet50 pose_refiner_prior hcrn_holistic".split()
COVERED += "hcrn hcrn_without_diffusion rnet cnet hourglass".split()
COVERED += "simple_baseline integral_pose dlcm".split()
DISTINCT = [case for case in MODELS if case.name not in COVERED]
POLICIES = [("mixed_bfloat16", case) for case in DISTINCT]
# float16 takes a CPU several times as long.
POLICIES += [("mixed_float16", case) for case in MODELS if case.name == "posefix"]
# One network, a network behind another, and two beside each other.
IN_FLOAT32 = "posefix enhance_net hybrid_pose".split()
# How far maps may be from float32's, relative to the largest, after all layers of
# networks of random weights.
MAP_TOLERANCE = {"mixed_bfloat16": 0.2, "mixed_float16": 0.03}


@pytest.mark.slow
@pytest.mark.parametrize(
    "policy, case", POLICIES, ids=[f"{policy}-{case.name}" for policy, case in POLICIES]
)
def test_a_model_answers_and_learns_in_mixed_precision(policy, case):
    plain = build(case)
    config = {**plain.get_config(), "dtype": policy}
    model = type(plain).from_config(config)
    assert model.get_config()["dtype"] == policy
    assert policy.removeprefix("mixed_") in {
        layer.compute_dtype for layer in model._flatten_layers()
    }
    model.set_weights(plain.get_weights())
    expected, found = answers(case), arrays(model(inputs_of(case)))
    if case.name in IN_FLOAT32:  # as exports compute
        assert_close(arrays(in_float32(model)(inputs_of(case))), expected)
    for name, maps in found.items():
        assert maps.dtype == np.float32 and np.isfinite(maps).all()
        if name != "keypoints":
            limit = MAP_TOLERANCE[policy] * np.abs(expected[name]).max()
            np.testing.assert_allclose(maps, expected[name], 0, limit, err_msg=name)
    targets = {name: np.zeros_like(maps) for name, maps in found.items()}
    model.compile(keras.optimizers.SGD(1e-3), "mse", run_eagerly=True)
    history = model.fit(inputs_of(case), targets, batch_size=BATCH, verbose=0)
    assert np.isfinite(history.history["loss"]).all()
    assert all(weight.dtype == "float32" for weight in model.weights)


# --- exports ---------------------------------------------------------------------


LAYERS = [case for case in CASES if "keypoints" not in case.outputs]


def all_layers():
    """One model of the rows that are layers, beside each other, and its inputs."""
    inputs, outputs, given = {}, {}, {}
    for case in LAYERS:
        layer, arrays_of = build(case), inputs_of(case)
        named = {f"{case.name}_{name}": x for name, x in layer.input.items()}
        inputs |= {
            name: keras.Input(x.shape[1:], name=name, dtype=x.dtype)
            for name, x in named.items()
        }
        answer = layer({n: inputs[f"{case.name}_{n}"] for n in layer.input})
        outputs[case.name] = answer["output"]
        given |= {f"{case.name}_{name}": x for name, x in arrays_of.items()}
    return keras.Model(inputs, outputs, name="layers"), given


every_export = pytest.mark.parametrize(
    "case", [*DISTINCT, None], ids=lambda case: case and case.name, scope="module"
)


@pytest.fixture(scope="module")
def served(case):
    """What is exported of a case, its inputs as clients give them, and its answers."""
    if case is None:
        model, inputs = all_layers()
    else:
        model, inputs = case.serve(build(case)), inputs_of(case)
    if "image" in inputs:
        inputs["image"] = inputs["image"].astype(np.uint8)
    return model, inputs, arrays(model(inputs))


@pytest.mark.slow
@every_export
def test_a_tensorflow_saved_model_answers_the_same_for_any_batch(served, tmp_path):
    model, inputs, expected = served
    savedmodel.write_saved_model(model, tmp_path)
    signature = tf.saved_model.load(tmp_path).signatures["serving_default"]
    assert set(signature.structured_input_signature[1]) == set(inputs)
    found = signature(**{name: tf.constant(x) for name, x in inputs.items()})
    assert_close(arrays(found), expected)
    one = signature(**{name: tf.constant(x[:1]) for name, x in inputs.items()})
    assert_close(arrays(one), {name: x[:1] for name, x in expected.items()})


@pytest.mark.slow
@every_export
def test_litert_answers_the_same_with_its_own_operators(served, tmp_path):
    model, inputs, expected = served
    savedmodel.write_saved_model(model, tmp_path, batch=1)
    content = litert.convert(str(tmp_path))
    assert set(litert.operator_names(content)) <= set(litert.OPERATOR_NAMES.values())
    assert_close(litert.predict(content, inputs), expected)


# --- codecs ----------------------------------------------------------------------


def joints_inside(codec):
    """f32[4, 6, 2] crop px, two cells or more from the border; f32[4, 6] of 0 and 1."""
    random = np.random.default_rng(3)
    margin = 2 * codec.stride
    high = np.array([codec.input_size[1], codec.input_size[0]]) - 1 - margin
    points = random.uniform(margin, high, (4, 6, 2)).astype(np.float32)
    return points, (random.uniform(size=(4, 6)) < 0.7).astype(np.float32)


@every_codec
def test_decoding_inverts_encoding(case):
    points, _ = joints_inside(case.codec)
    maps = case.codec.encode(points, np.ones((4, 6), np.float32))
    assert maps.shape == (4, *case.codec.heatmap_size, 6) and maps.dtype == tf.float32
    found, scores = decode(case.codec, maps)
    assert scores.shape == (4, 6)
    np.testing.assert_allclose(found, points, rtol=0, atol=case.tolerance)


@every_codec
def test_a_joint_that_is_not_valid_has_an_empty_map(case):
    points, valid = joints_inside(case.codec)
    maps = case.codec.encode(points, valid)
    filled = np.any(maps, axis=(1, 2))
    np.testing.assert_array_equal(filled, valid > 0)


@every_codec
def test_a_codec_computes_the_same_in_a_data_pipeline(case):
    points, valid = joints_inside(case.codec)
    people = tf.data.Dataset.from_tensors((points, valid))
    maps = next(iter(people.map(case.codec.encode)))
    np.testing.assert_allclose(maps, case.codec.encode(points, valid), atol=1e-6)


# --- importers -------------------------------------------------------------------


def prepare_case(case, source, out) -> dict:
    """Prepares an importer's row; of LSP's drawn photos three are for training."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("data_prep.lsp.TRAINING_PHOTOS", 3)
        return prepare(case.name, str(source), str(out), **case.options)


@pytest.fixture(scope="module", params=IMPORTER_CASES, ids=lambda case: case.name)
def prepared(request, tmp_path_factory):
    """An importer's row, its source, what was prepared from it, and the report."""
    case = request.param
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("prepared")
    if case.draw:
        case.draw(source)
    return case, source, out, prepare_case(case, source, out)


def people_of(case, folder):
    """All records of all splits, and their number."""
    splits = tuple(f"{case.name}/{split}" for split in case.written)
    return pipeline.read_records(folder, splits, case.skeleton)


def test_people_are_counted_and_so_is_what_is_left_out(prepared):
    case, _, _, report = prepared
    assert set(report["written"]) == set(case.written)
    for split, people in report["written"].items():
        assert people == case.written[split] or case.written[split] is None and people
    if case.left_out is not None:
        assert report["left_out"] == case.left_out


def test_joints_lie_where_they_were_drawn(prepared):
    case, _, folder, _ = prepared
    if case.draw is None:
        pytest.skip("rendered people have no squares at their joints")
    for record in people_of(case, folder)[0]:
        window = tf.io.decode_jpeg(record["window"]).numpy()[..., 0].astype(float)
        to_window = tensors.invert(record["window_matrix"])
        labeled = record["visible"] > 0
        points = tensors.transform(record["keypoints"][labeled], to_window).numpy()
        assert len(points)
        for point in points:
            np.testing.assert_allclose(center_of_square(window, point), point, atol=0.2)


def center_of_square(window, near):
    """The centroid (x, y) of what is bright within 5 px of a point."""
    x, y = np.round(near).astype(int)
    rows, columns = np.mgrid[y - 5 : y + 6, x - 5 : x + 6]
    bright = np.clip(window[y - 5 : y + 6, x - 5 : x + 6] - 100, 0, None)
    return np.array([(columns * bright).sum(), (rows * bright).sum()]) / bright.sum()


@pytest.mark.slow
def test_people_become_batches_a_refiner_trains_on(prepared):
    case, _, folder, _ = prepared
    size, joints = (64, 48), len(case.skeleton)
    records, count = people_of(case, folder)
    person = pipeline.CropSpec(case.skeleton, size)
    people = next(iter(pipeline.crops(records, person, count, 0)))
    assert people["valid"].numpy().any(axis=1).all()
    codec = CODEC_CASES[0].codec
    supervision = Supervision({"heatmap": codec}, case.skeleton, refines=True)
    inputs, targets, weights = examples(people, supervision, tf.constant([0, 0]))
    assert inputs["image"].shape == (count, *size, 3)
    assert 0 <= inputs["image"].numpy().min() < inputs["image"].numpy().max() <= 255
    assert inputs["keypoints"].shape == targets["keypoints"].shape == (count, joints, 2)
    for array in tf.nest.flatten([inputs, targets, weights]):
        assert array.dtype == tf.float32 and np.isfinite(array).all()


def test_preparing_twice_writes_the_same_records(prepared, tmp_path):
    case, source, folder, _ = prepared
    prepare_case(case, source, tmp_path)
    first = sorted(folder.rglob("*.tfrecord*"))
    assert first
    for shard in first:
        other = tmp_path / shard.relative_to(folder)
        assert shard.read_bytes() == other.read_bytes()
