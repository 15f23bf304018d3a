"""The Keras metrics say what the functions of arrays say, in graphs and in fits."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfpose.metrics import keras_metrics, pck, pcp
from tfpose.skeletons import LSP14

K = len(LSP14)
TORSO = tuple(LSP14.index(joint) for joint in LSP14.torso)


def people(count=40, seed=0):
    """Labels f32[N, K, 4] and poses f32[N, K, 2]; some joints have no label."""
    random = np.random.default_rng(seed)
    labels = np.zeros((count, K, 4), np.float32)
    labels[..., :2] = random.uniform(0, 200, (count, K, 2))
    labels[..., 2] = random.integers(0, 3, (count, K))
    labels[..., 3] = random.uniform(10, 40, (count, 1))
    labels[:3, :, 3] = 0  # head sizes that are not known
    offsets = random.normal(0, 12, (count, K, 2))
    return labels, (labels[..., :2] + offsets).astype(np.float32)


def by_arrays(name, labels, poses):
    targets, visible = labels[..., :2].astype(np.float64), labels[..., 2]
    poses = poses.astype(np.float64)
    if name == "pcp":
        sticks = pcp.stick_joints(LSP14.joints)
        errors = pcp.stick_errors(poses, targets, visible, sticks)
        return np.nanmean(pcp.pcp(errors))
    lengths = labels[:, 0, 3]
    if name == "pck":
        lengths = pck.segment_lengths(targets, visible, TORSO)
    distances = pck.normalized_distances(poses, targets, visible, lengths)
    return np.nanmean(getattr(pck, name)(distances))


METRICS = {
    "pck": lambda: keras_metrics.PCK(TORSO, K),
    "pckh": lambda: keras_metrics.PCKh(K),
    "auc": lambda: keras_metrics.AUC(K),
    "pcp": lambda: keras_metrics.PCP(LSP14.joints),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", METRICS)
def test_batches_add_up_to_the_function_of_arrays(name):
    labels, poses = people()
    metric = METRICS[name]()
    update = tf.function(metric.update_state)
    for start in range(0, len(labels), 16):
        update(labels[start : start + 16], poses[start : start + 16])
    expected = by_arrays(name, labels, poses)
    assert 5 < expected < 95
    np.testing.assert_allclose(float(metric.result()), expected, rtol=1e-5)
    metric.reset_state()
    assert float(metric.result()) == 0


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize("shape", [(40, K), (40, 1), (40,)])
def test_a_weight_of_zero_is_no_label(name, shape):
    labels, poses = people()
    weight = np.random.default_rng(1).integers(0, 2, shape)
    metric = METRICS[name]()
    # The torso and the head remain known.
    metric.update_state(labels, poses, sample_weight=weight)
    masked = labels.copy()
    masked[..., 2] *= weight.reshape(40, -1)
    expected = by_arrays(name, masked, poses)
    if name == "pck":
        lengths = pck.segment_lengths(labels[..., :2], labels[..., 2], TORSO)
        distances = pck.normalized_distances(
            poses, labels[..., :2], masked[..., 2], lengths
        )
        expected = np.nanmean(pck.pck(distances))
    np.testing.assert_allclose(float(metric.result()), expected, rtol=1e-5)


def test_the_threshold_counts_for_pck_and_not_for_pckh():
    labels = np.zeros((1, K, 4), np.float32)
    labels[0, TORSO[0], :2] = 0, 40
    labels[..., 2:] = 1, 16
    poses = labels[..., :2] + [8, 0]  # a fifth of the torso, half a head
    for name, expected in (("pck", 100), ("pckh", 0)):
        metric = METRICS[name]()
        metric.update_state(labels, poses)
        assert float(metric.result()) == expected


@pytest.mark.parametrize("name", METRICS)
def test_a_saved_metric_comes_back_the_same(name):
    metric = METRICS[name]()
    saved = keras.saving.serialize_keras_object(metric)
    again = keras.saving.deserialize_keras_object(saved)
    assert type(again) is type(metric) and again.name == name
    labels, poses = people()
    for each in (metric, again):
        each.update_state(labels, poses)
    assert float(again.result()) == float(metric.result())


@pytest.mark.slow
def test_a_model_reports_them_while_it_is_fitted():
    labels, poses = people(16)
    image = keras.Input((K * 2,))
    output = keras.layers.Reshape((K, 2), name="keypoints")(
        keras.layers.Dense(K * 2, kernel_initializer="identity")(image)
    )
    model = keras.Model(image, {"keypoints": output})
    model.compile(
        "sgd",
        loss={"keypoints": lambda y_true, y_pred: 0.0 * keras.ops.mean(y_pred)},
        metrics={"keypoints": [build() for build in METRICS.values()]},
    )
    log = model.fit(
        poses.reshape(16, -1), {"keypoints": labels}, batch_size=8, verbose=0
    ).history
    for name in METRICS:
        found = log[name][0]
        np.testing.assert_allclose(found, by_arrays(name, labels, poses), rtol=1e-5)
