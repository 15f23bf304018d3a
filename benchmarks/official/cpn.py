"""Golden answers of CPN's own code, which is of TensorFlow 1.

    python benchmarks/official/cpn.py REPOSITORY FILE

needs TensorFlow 2.15 and tf-slim, and a clone of chenyilun95/tf-cpn, whose
code is run but not part of this project. Gives its network, with one unit instead of 3,
4, 6 and 3 for each of ResNet's stages, known weights, and writes names, shapes and
answers to FILE. tests/models/test_official_cpn.py holds ours against them.

Two things are not as in the code: maps are enlarged about the centers of cells, as
ours (the code's enlargement is off by up to half a cell), and 1e-5 is added to
variances instead of 1e-9.
"""

from __future__ import annotations

import importlib
import json
import pathlib
import sys
import types

import numpy as np
import tensorflow
import tf_slim

PROJECT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(PROJECT))

from tests.support import published  # noqa: E402

SIZE, JOINTS, EPSILON = (64, 64), 17, 1e-5


def official(repository: pathlib.Path):
    """TensorFlow 1, and the authors' modules ``network`` and ``nets.basemodel``."""
    tf = tensorflow.compat.v1
    tf.disable_v2_behavior()
    # What tf-slim means by this name is there, but not under it.
    name = "legacy_tf_layers.normalization"
    sys.modules[f"tf_keras.{name}"] = importlib.import_module(f"keras.src.{name}")
    layers = importlib.import_module("tf_slim.layers")  # not tf_slim's attribute
    contrib = types.SimpleNamespace(slim=tf_slim, layers=layers)
    tf.contrib = contrib
    sys.modules["tensorflow"] = tf
    for name, module in {
        "": contrib,
        ".slim": tf_slim,
        ".layers": layers,
        ".framework.python.ops": tf_slim,
        ".layers.python.layers": layers,
    }.items():
        sys.modules[f"tensorflow.contrib{name}"] = module
    settings = types.SimpleNamespace(
        nr_skeleton=JOINTS, bn_train=True, weight_decay=0.0,
        output_shape=(SIZE[0] // 4, SIZE[1] // 4),
    )  # fmt: skip
    base = types.SimpleNamespace(ModelDesc=object, Trainer=object)
    for name, module in {
        "config": types.SimpleNamespace(cfg=settings),
        "tfflat": types.SimpleNamespace(),
        "tfflat.base": base,
        "tfflat.utils": types.SimpleNamespace(mem_info=None),
    }.items():
        sys.modules[name] = module
    enlarge = tf.image.resize_bilinear
    tf.image.resize_bilinear = lambda *given, **options: enlarge(
        *given, half_pixel_centers=True, **options
    )
    sys.path += [
        str(repository / "lib"),
        str(repository / "models" / "COCO.res50.256x192.CPN"),
    ]
    import network
    from nets import basemodel, resnet_utils

    def one_unit(scope, kind, units):
        return block(scope, kind, units[:1])

    block, resnet_utils.Block = resnet_utils.Block, one_unit
    network.resnet_arg_scope.keywords["batch_norm_epsilon"] = EPSILON
    plain = basemodel.resnet_arg_scope
    basemodel.resnet_arg_scope = lambda **options: plain(
        batch_norm_epsilon=EPSILON, **options
    )
    return tf, network, basemodel


def main(repository: str, path: str) -> None:
    tf, network, basemodel = official(pathlib.Path(repository))
    image = tf.placeholder(tf.float32, (1, *SIZE, 3))
    stages = basemodel.resnet50(image, False, bn_trainable=True)
    features, maps = network.create_global_net(stages, False)
    maps = [*maps, network.create_refine_net(features, False)]
    variables = {one.name.removesuffix(":0"): one for one in tf.global_variables()}
    shapes = {name: one.shape.as_list() for name, one in variables.items()}
    values = published.slim_tensors(shapes)
    with tf.Session() as session:
        for name, one in variables.items():
            one.load(values[name], session)
        given = published.image(*SIZE) - np.float32(published.SLIM_MEAN)
        answers = session.run(maps, {image: given})
    names = ("global2", "global3", "global4", "global5", "heatmap")
    found = {
        name: " ".join(
            f"{number:.7g}"
            for number in published.some(one.transpose(0, 3, 1, 2)).ravel()
        )
        for name, one in zip(names, answers, strict=True)
    }
    shapes = {name: " ".join(map(str, shape)) for name, shape in shapes.items()}
    text = json.dumps({"shapes": shapes, "maps": found}, indent=0)
    pathlib.Path(path).write_text(text + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
