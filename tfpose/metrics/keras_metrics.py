"""PCK, PCKh, AUC and PCP as Keras metrics, for ``model.compile``.

Each is the mean over joints or sticks of this package's array function (tests compare
the two) and accumulates over batches. Labels are f32[B, K, 3]: x, y, and visibility as
in COCO (> 0: labeled); PCKh and AUC take f32[B, K, 4], with the person's head size
last. Predictions are f32[B, K, 2], in pixels of the same space, such as the crop. A
sample weight f32[B, K] (or [B] or [B, 1]) of 0 excludes a joint.
"""

from __future__ import annotations

import keras
from keras import ops

from tfpose.metrics import pcp


class _Rate(keras.metrics.Metric):
    """The mean in 0..100 of the rates of several columns, such as joints.

    Args:
        columns: number of columns.
        threshold: largest distance that is right, in lengths.
        strict: ``<`` if true, ``<=`` if false.
        name: of the metric.
        arguments: other arguments of the class, for saved models.
    """

    def __init__(self, columns, threshold: float, strict: bool, name: str, **arguments):
        super().__init__(name=name, dtype="float32")
        self.threshold, self.strict, self.arguments = threshold, strict, arguments
        self.hits, self.counts = (
            self.add_variable((columns,), "zeros", name=part)
            for part in ("hits", "counts")
        )

    def distances(self, labels, poses, counted):
        """f32[B, C] distances in lengths; f32[B, C], 1 for those that count.

        Args:
            labels: f32[B, K, 3 or more].
            poses: f32[B, K, 2].
            counted: f32[B, K], 1 for labeled joints with a weight above 0.
        """
        raise NotImplementedError

    def hit(self, distances):
        """f32[B, C]: how right each column is, 0..1."""
        below = ops.less if self.strict else ops.less_equal
        return ops.cast(below(distances, self.threshold), "float32")

    def update_state(self, y_true, y_pred, sample_weight=None):
        labels, poses = (ops.cast(part, "float32") for part in (y_true, y_pred))
        counted = ops.cast(labels[..., 2] > 0, "float32")
        if sample_weight is not None:
            weight = ops.cast(sample_weight, "float32")
            if len(weight.shape) == 1:
                weight = weight[:, None]
            counted = counted * ops.cast(weight > 0, "float32")
        distances, counts = self.distances(labels, poses, counted)
        hits = ops.where(counts > 0, self.hit(distances), 0.0)
        self.hits.assign_add(ops.sum(hits, axis=0))
        self.counts.assign_add(ops.sum(counts, axis=0))

    def get_config(self):
        return {"name": self.name, "threshold": self.threshold, **self.arguments}

    def result(self):
        known = ops.cast(self.counts > 0, "float32")
        rates = self.hits / ops.maximum(self.counts, 1.0)
        return 100.0 * ops.sum(rates) / ops.maximum(ops.sum(known), 1.0)


def _apart(points, others):
    """f32[..., 2] twice -> f32[...]: their distance."""
    return ops.sqrt(ops.sum(ops.square(points - others), axis=-1))


def _in_lengths(labels, poses, counted, lengths):
    """Distances in lengths f32[B, 1]; counts only people with a known length."""
    known = ops.cast(lengths > 0, "float32")
    distances = _apart(poses, labels[..., :2]) / ops.where(lengths > 0, lengths, 1.0)
    return distances, counted * known


@keras.saving.register_keras_serializable("tfpose")
class PCK(_Rate):
    """PCK of K joints in torso lengths, like ``pck.pck``.

    Args:
        torso: the two joints whose labels span the torso.
        joints: K.
        threshold: a joint at the threshold is right.
    """

    def __init__(self, torso, joints: int, threshold: float = 0.2, name="pck"):
        torso = tuple(torso)
        arguments = {"torso": torso, "joints": joints}
        super().__init__(joints, threshold, strict=False, name=name, **arguments)
        self.torso = torso

    def distances(self, labels, poses, counted):
        one, two = self.torso
        length = _apart(labels[:, one, :2], labels[:, two, :2])
        labeled = (labels[:, one, 2] > 0) & (labels[:, two, 2] > 0)
        length = ops.where(labeled, length, 0.0)[:, None]
        return _in_lengths(labels, poses, counted, length)


@keras.saving.register_keras_serializable("tfpose")
class PCKh(_Rate):
    """PCK of K joints in head sizes, like ``pck.pckh``.

    Args:
        joints: K; exclude MPII's pelvis and thorax, as papers do, with a weight of 0.
        threshold: a joint at the threshold is wrong.
    """

    def __init__(self, joints: int, threshold: float = 0.5, name="pckh", **arguments):
        arguments["joints"] = joints
        super().__init__(joints, threshold, strict=True, name=name, **arguments)

    def distances(self, labels, poses, counted):
        return _in_lengths(labels, poses, counted, labels[:, :1, 3])


@keras.saving.register_keras_serializable("tfpose")
class AUC(PCKh):
    """Area under the PCKh curve of K joints, 0 to the threshold, like ``pck.auc``.

    Args:
        joints: K.
        threshold: the end of the curve.
        steps: points on the curve, the first at 0.
    """

    def __init__(
        self, joints: int, threshold: float = 0.5, steps: int = 51, name="auc"
    ):
        super().__init__(joints, threshold, name, steps=steps)
        self.steps = steps

    def hit(self, distances):
        points = ops.linspace(0.0, self.threshold, self.steps)
        found = ops.cast(distances[..., None] <= points, "float32")
        # Trapezoids: the ends count half.
        inner = ops.sum(found, axis=-1) - (found[..., 0] + found[..., -1]) / 2
        return inner / (self.steps - 1)


@keras.saving.register_keras_serializable("tfpose")
class PCP(_Rate):
    """Strict PCP of the joints' sticks, like ``pcp.pcp``.

    Args:
        joints: K names, ``Skeleton.joints``.
        threshold: in stick lengths, for each end; an end at the threshold is right.

    Raises:
        TfposeError: the joints form no stick.
    """

    def __init__(self, joints, threshold: float = 0.5, name="pcp"):
        joints, sticks = list(joints), list(pcp.stick_joints(joints).values())
        super().__init__(len(sticks), threshold, strict=False, name=name, joints=joints)
        self.sticks = sticks

    def distances(self, labels, poses, counted):
        columns = []
        for ends in self.sticks:
            true = [ops.mean(ops.take(labels[..., :2], e, axis=1), 1) for e in ends]
            found = [ops.mean(ops.take(poses, e, axis=1), axis=1) for e in ends]
            off = ops.maximum(
                *(_apart(*pair) for pair in zip(found, true, strict=True))
            )
            length = _apart(*true)
            flat = ops.where(off > 0, float("inf"), 0.0)
            error = ops.where(
                length > 0, off / ops.where(length > 0, length, 1.0), flat
            )
            joints = [joint for end in ends for joint in end]
            columns.append((error, ops.min(ops.take(counted, joints, axis=1), axis=1)))
        errors, counts = zip(*columns, strict=True)
        return ops.stack(errors, axis=1), ops.stack(counts, axis=1)
