"""Imported PyTorch weights against the official code: heatmaps and keypoints.

Two environments, because TensorFlow and PyTorch rarely share one. With PyTorch, OpenCV
and the official repositories, whose code is run but not part of this project:

    python benchmarks/official/published_weights.py official REPOSITORIES WORK

REPOSITORIES holds clones named like ``leoxiaobin+deep-high-resolution-net.pytorch``
(owner+name). This gives each network random weights, and writes its checkpoint, crops
of the example photos, the heatmaps (with and without the mirrored crop) and the
keypoints to WORK. Then, with this package:

    python benchmarks/official/published_weights.py compare WORK

imports each checkpoint and prints the largest difference of the heatmaps, relative to
their largest value, and of the keypoints in px of the crop. "rounding" is how far
PyTorch itself is from its own float64.

    python benchmarks/official/published_weights.py golden REPOSITORIES FILE

writes the names, shapes and answers of small official networks, whose weights are known
numbers. tests/models/test_published.py holds ours against them.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import importlib.util
import json
import pathlib
import sys
import types

import numpy as np

PROJECT = pathlib.Path(__file__).resolve().parents[2]
PHOTOS = PROJECT / "tfpose" / "examples"
HRNET = "leoxiaobin+deep-high-resolution-net.pytorch"
SIMPLE = "microsoft+human-pose-estimation.pytorch"
POSE = "bearpaw+pytorch-pose"
NEWELL = "princeton-vl+pytorch_stacked_hourglass"
TAGS = "princeton-vl+pose-ae-train"
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
# Name -> repository, our model, size of the crops, how the checkpoint is written, and
# what the official builder takes.
SB, TAGGING = "simple_baseline", "associative_embedding"
NETWORKS = {
    "hrnet_w32": (HRNET, "hrnet", (256, 192), "zip", "w32_256x192_adam_lr1e-3"),
    "hrnet_w48": (HRNET, "hrnet", (256, 192), "legacy", "w48_256x192_adam_lr1e-3"),
    "pose_resnet_50": (
        HRNET, SB, (256, 192), "zip", "res50_256x192_d256x3_adam_lr1e-3",
    ),
    **{
        f"simple_baseline_{depth}": (
            SIMPLE, SB, (256, 192), form, f"resnet{depth}/256x192_d256x3_adam_lr1e-3",
        )
        for depth, form in ((50, "legacy"), (101, "zip"), (152, "zip"))
    },
    "hourglass_8": (POSE, "hourglass", (256, 256), "tar", 8),
    "newell_8": (NEWELL, "hourglass", (256, 256), "safetensors", 8),
    "associative_embedding": (TAGS, "associative_embedding", (512, 512), "tar", 4),
}  # fmt: skip
# torchvision's classifiers -> our trunk, the last layer whose features are compared.
TRUNKS = {
    "resnet50": ("resnet50", "layer4"),
    "resnet101": ("resnet101", "layer4"),
    "resnet152": ("resnet152", "layer4"),
    # The last layer before our pools differ from VGG's.
    "vgg16_bn": ("vgg16", 32),
    "vgg16": ("vgg16", 22),
}
FLIP = {
    16: [(0, 5), (1, 4), (2, 3), (10, 15), (11, 14), (12, 13)],
    17: [(first, first + 1) for first in range(1, 17, 2)],
}


# --- with PyTorch ----------------------------------------------------------------


@contextlib.contextmanager
def inside(folder: pathlib.Path, missing=()):
    """Makes a repository's packages importable, and forgets them afterwards."""
    before = set(sys.modules)
    sys.path.insert(0, str(folder))
    for name in missing:  # what is not installed, and not used here
        sys.modules.setdefault(name, types.ModuleType(name))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        for name in set(sys.modules) - before:
            module = sys.modules[name]
            where = [getattr(module, place, "") for place in ("__file__", "__path__")]
            if name in missing or str(folder) in str(where):
                del sys.modules[name]


def crops_of(size, count: int = 3) -> np.ndarray:
    """u8[count, height, width, 3] RGB: the middles of the example photos."""
    import cv2

    crops = []
    for path in sorted(PHOTOS.glob("*.jpg"))[:count]:
        photo = cv2.imread(str(path))[..., ::-1]
        height = min(photo.shape[0], photo.shape[1] * size[0] // size[1])
        width = height * size[1] // size[0]
        top, left = (photo.shape[0] - height) // 2, (photo.shape[1] - width) // 2
        part = photo[top : top + height, left : left + width]
        crops.append(cv2.resize(np.ascontiguousarray(part), size[::-1]))
    return np.stack(crops)


def settings(path: pathlib.Path):
    """A configuration file whose keys can be read as attributes and as items."""
    import yaml

    class Node(dict):
        __getattr__ = dict.__getitem__

    def node(value):
        if isinstance(value, dict):
            return Node({key: node(one) for key, one in value.items()})
        return value

    config = node(yaml.safe_load(path.read_text()))
    config.MODEL.setdefault("STYLE", "pytorch")
    config.MODEL.EXTRA.setdefault("DECONV_WITH_BIAS", False)
    for key in ("POST_PROCESS", "SHIFT_HEATMAP"):  # SimpleBaseline's defaults
        config.TEST.setdefault(key, True)
    return config


def randomized(network, seed: int = 0):
    """Random weights that keep a signal's size.

    Normalizations by the statistics of an image would divide by the small differences
    that random layers leave, and PyTorch's own rounding would reach 1e-3.
    """
    import torch

    torch.manual_seed(seed)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, 0.4, 0.8)
            torch.nn.init.normal_(module.bias, 0, 0.1)
            torch.nn.init.normal_(module.running_mean, 0, 0.1)
            torch.nn.init.uniform_(module.running_var, 0.8, 1.2)
        elif isinstance(module, torch.nn.Conv2d | torch.nn.ConvTranspose2d):
            torch.nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                torch.nn.init.normal_(module.bias, 0, 0.05)
    return network.eval()


def top_down(folder, builder: str, config: str, crops):
    """HRNet, SimpleBaseline: network, inputs, heatmaps -> averaged, keypoints."""
    import torch

    kind = "hrnet" if builder == "pose_hrnet" else "resnet"
    experiments = folder / "experiments" / "coco"
    path = experiments / f"{config}.yaml"
    if not path.is_file():
        path = experiments / kind / f"{config}.yaml"
    config = settings(path)
    with inside(folder / "lib"):
        network = importlib.import_module(f"models.{builder}").get_pose_net(
            config, is_train=False
        )
        inference = importlib.import_module("core.inference")
        transforms = importlib.import_module("utils.transforms")
    rgb = bool(config.DATASET.get("COLOR_RGB", False))
    seen = crops if rgb else crops[..., ::-1]
    image = (seen / np.float32(255) - np.float32(MEAN)) / np.float32(STD)
    image = torch.tensor(image.transpose(0, 3, 1, 2).copy())

    def decode(maps):
        height, width = crops.shape[1:3]
        middle = np.float32([[width / 2, height / 2]] * len(crops))
        scale = np.float32([[width / 200, height / 200]] * len(crops))
        return inference.get_final_preds(config, maps.copy(), middle, scale)[0]

    def both(maps, mirrored):
        back = transforms.flip_back(mirrored.copy(), FLIP[17]).copy()
        if config.TEST.SHIFT_HEATMAP:
            back[:, :, :, 1:] = back.copy()[:, :, :, :-1]
        return (maps + back) * 0.5

    return network, image, lambda answer: answer, both, decode


def pytorch_pose(folder, stacks: int, crops):
    """Hourglasses of pytorch-pose."""
    import torch

    # Only its evaluation is needed, not what its packages import as well.
    packages = ("pose", "pose.utils", "pose.utils.misc", "pose.utils.transforms")
    with inside(folder, ("matplotlib", "matplotlib.pyplot", *packages)):
        sys.modules["pose"].__path__ = [str(folder / "pose")]
        sys.modules["pose.utils.misc"].torch = torch  # which it takes from there
        sys.modules["pose.utils"].__path__ = [str(folder / "pose" / "utils")]
        transforms = sys.modules["pose.utils.transforms"]
        transforms.transform = transforms.transform_preds = None
        spec = importlib.util.spec_from_file_location(
            "hourglass", folder / "pose" / "models" / "hourglass.py"
        )
        hourglass = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(hourglass)
        evaluation = importlib.import_module("pose.utils.evaluation")
    network = hourglass.hg(num_stacks=stacks, num_blocks=1, num_classes=16)
    mean = torch.load(folder / "data" / "mpii" / "mean.pth.tar")["mean"].numpy()
    image = crops / np.float32(255) - mean
    image = torch.tensor(image.transpose(0, 3, 1, 2).copy())
    # Positions before they are rounded to pixels of the photo; theirs start at 1.
    evaluation.transform_preds = lambda coords, center, scale, res: coords

    def decode(maps):
        rows = [[0, 0]] * len(maps)
        found = evaluation.final_preds(torch.tensor(maps), rows, rows, [64, 64])
        return (found.numpy() - 1) * 4

    return network, image, lambda answer: answer[-1], mirrored_mean, decode


def mirrored_mean(maps, mirrored):
    """The mean with the mirrored crop's maps, for MPII's and COCO's joints."""
    back = mirrored[..., ::-1].copy()
    for first, second in FLIP[maps.shape[1]]:
        back[:, [first, second]] = back[:, [second, first]]
    return (maps + back) / 2


def newell(folder, stacks: int, crops):
    """Newell's PyTorch hourglasses."""
    import torch

    with inside(folder):
        posenet = importlib.import_module("models.posenet")
        group = importlib.import_module("utils.group")
    network = posenet.PoseNet(nstack=stacks, inp_dim=256, oup_dim=16)
    image = torch.tensor(np.float32(crops / 255))

    def decode(maps):
        found = [group.HeatmapParser().parse(one[None].copy())[0][0] for one in maps]
        return np.stack(found)[..., :2] * 4

    return network, image, lambda answer: answer[:, -1], mirrored_mean, decode


def associative_embedding(folder, stacks: int, crops):
    """Associative Embedding: detections and tags; keypoints are the highest peaks."""
    import torch

    unused = ("munkres", "extensions.AE._ext")
    sys.modules.setdefault("munkres", types.ModuleType("munkres")).Munkres = None
    loss = types.ModuleType("extensions.AE.AE_loss")  # compiled, and only for training
    loss.AEloss = lambda: None
    sys.modules[loss.__name__] = loss
    with inside(folder, unused):
        posenet = importlib.import_module("models.posenet")
        group = importlib.import_module("utils.group")
    network = posenet.PoseNet(nstack=stacks, inp_dim=256, oup_dim=68)
    image = torch.tensor(np.float32(crops / 255))

    def decode(maps):
        parser, found = group.HeatmapParser(detection_val=0.1), []
        for one in maps[:, :17]:
            height, width = one.shape[1:]
            cells = one.reshape(17, -1).argmax(1)
            peaks = np.stack([cells % width, cells // width, one.max((1, 2))], axis=-1)
            adjusted = parser.adjust([np.float32(peaks)[None].copy()], one[None])
            found.append(adjusted[0][0][:, :2] * 4)
        return np.stack(found)

    def both(maps, mirrored):
        return mirrored_mean(maps[:, :17], mirrored[:, :17])

    return network, image, lambda answer: answer[:, -1, :34], both, decode


def built(name: str, repositories: pathlib.Path, crops):
    repository, _, _, _, options = NETWORKS[name]
    folder = repositories / repository
    if not folder.is_dir():
        raise SystemExit(
            f"{folder}: expected a clone of {repository.replace('+', '/')}"
        )
    if repository in (HRNET, SIMPLE):
        builder = "pose_hrnet" if name.startswith("hrnet") else "pose_resnet"
        return top_down(folder, builder, options, crops)
    builders = {POSE: pytorch_pose, NEWELL: newell, TAGS: associative_embedding}
    return builders[repository](folder, options, crops)


def write_checkpoint(network, form: str, path: pathlib.Path) -> pathlib.Path:
    """Writes the weights as the official code does, in one of torch's formats."""
    import torch

    state = network.state_dict()
    if form == "safetensors":
        return write_safetensors(state, path.with_suffix(".safetensors"))
    if form == "tar":  # as DataParallel and a trainer wrap it, beside other numbers
        wrapped = {f"model.module.{key}": value for key, value in state.items()}
        rest = {"epoch": 7, "best_acc": np.float64(0.5), "optimizer": {"lr": 1e-3}}
        path = path.with_suffix(".pth.tar")
        torch.save({**rest, "state_dict": wrapped}, path)
        return path
    path = path.with_suffix(".pth")
    torch.save(state, path, _use_new_zipfile_serialization=form == "zip")
    return path


def write_safetensors(state, path: pathlib.Path) -> pathlib.Path:
    header, numbers = {}, []
    start = 0
    for key, tensor in state.items():
        array = tensor.numpy()
        if array.dtype != np.float32:
            continue
        end = start + array.nbytes
        header[key] = {
            "dtype": "F32", "shape": list(array.shape), "data_offsets": [start, end],
        }  # fmt: skip
        numbers.append(array.tobytes())
        start = end
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + b"".join(numbers))
    return path


def official(repositories: pathlib.Path, work: pathlib.Path, names) -> None:
    """Runs the official code; writes what it says."""
    import torch

    work.mkdir(parents=True, exist_ok=True)
    for name in names:
        if name in TRUNKS:
            official_trunk(name, work)
            continue
        _, model, size, form, _ = NETWORKS[name]
        crops = crops_of(size, 1 if size[0] > 256 else 3)
        network, image, last, both, decode = built(name, repositories, crops)
        network = randomized(network)
        with torch.no_grad():
            maps = last(network(image)).numpy()
            flat = image.flip(2 if image.shape[-1] == 3 else 3)
            mirrored = last(network(flat)).numpy()
            exact = last(network.double()(image.double())).numpy()
        network.float()
        averaged = both(maps, mirrored)
        path = write_checkpoint(network, form, work / name)
        np.savez(
            work / f"{name}.npz", crops=crops, maps=maps, averaged=averaged,
            keypoints=decode(maps), averaged_keypoints=decode(averaged),
            path=path.name, model=model, rounding=relative(maps, exact),
        )  # fmt: skip
        print(f"{name}: {path.name}, maps {maps.shape}")


def official_trunk(name: str, work: pathlib.Path) -> None:
    """Runs one of torchvision's classifiers up to a layer."""
    import torch
    import torchvision

    crops = crops_of((128, 128))
    image = (crops / np.float32(255) - np.float32(MEAN)) / np.float32(STD)
    image = torch.tensor(image.transpose(0, 3, 1, 2).copy())
    network = randomized(getattr(torchvision.models, name)(weights=None))
    seen = []
    layer = TRUNKS[name][1]
    stage = network.features[layer] if isinstance(layer, int) else network.layer4
    stage.register_forward_hook(lambda module, given, answer: seen.append(answer))
    with torch.no_grad():
        network(image)
    path = write_checkpoint(network, "zip", work / f"torchvision_{name}")
    np.savez(work / f"{name}.npz", crops=crops, maps=seen[0].numpy(), path=path.name)
    print(f"{name}: {path.name}, features {tuple(seen[0].shape)}")


def small_networks(repositories: pathlib.Path):
    """Small networks of the official code: (name, model, size, network, conventions).

    Conventions are the mean and the scale of the channels, and whether they are BGR.
    """
    import torch

    image_net = (np.float32(MEAN), np.float32(STD))
    plain = (np.float32([0, 0, 0]), np.float32([1, 1, 1]))
    folder = repositories / HRNET
    config = settings(
        folder / f"experiments/coco/hrnet/{NETWORKS['hrnet_w32'][4]}.yaml"
    )
    for stage in (2, 3, 4):
        part = config.MODEL.EXTRA[f"STAGE{stage}"]
        part.update(NUM_MODULES=1, NUM_BLOCKS=[1] * stage)
        part.update(NUM_CHANNELS=[4 * 2**branch for branch in range(stage)])
    with inside(folder / "lib"):
        network = importlib.import_module("models.pose_hrnet").get_pose_net(
            config, is_train=False
        )
    # The code's first stage always has four blocks.
    network.layer1 = network.layer1[:1]
    yield "hrnet", "hrnet", (64, 64), network, (*image_net, False)
    folder = repositories / SIMPLE
    config = settings(
        folder / f"experiments/coco/{NETWORKS['simple_baseline_50'][4]}.yaml"
    )
    config.MODEL.EXTRA.update(NUM_DECONV_FILTERS=[4, 4, 4])
    with inside(folder / "lib"):
        module = importlib.import_module("models.pose_resnet")
        network = module.PoseResNet(module.Bottleneck, [1, 1, 1, 1], config)
    yield "simple_baseline", "simple_baseline", (64, 64), network, (*image_net, True)
    folder = repositories / POSE
    spec = importlib.util.spec_from_file_location(
        "hourglass", folder / "pose" / "models" / "hourglass.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    network = module.hg(num_stacks=2, num_blocks=1, num_classes=16)
    mean = torch.load(folder / "data" / "mpii" / "mean.pth.tar")["mean"].numpy()
    yield "pytorch_pose", "hourglass", (64, 64), network, (mean, plain[1], False)
    with inside(repositories / NEWELL):
        network = importlib.import_module("models.posenet").PoseNet(2, 16, 16)
    yield "newell", "hourglass", (64, 64), network, (*plain, False)
    zeros = np.zeros((1, 64, 64, 3))
    network = associative_embedding(repositories / TAGS, 1, zeros)[0]
    yield TAGGING, TAGGING, (64, 64), network, (*plain, False)


def golden(repositories: pathlib.Path, path: pathlib.Path) -> None:
    """Writes names, shapes and answers of small networks with known weights."""
    import torch

    from tests.support import published

    answers = {}
    for name, model, size, network, (mean, std, bgr) in small_networks(repositories):
        state = network.state_dict()
        counters = [key for key in state if key.endswith("num_batches_tracked")]
        shapes = {k: list(v.shape) for k, v in state.items() if k not in counters}
        made = published.tensors(shapes)
        network.load_state_dict(
            {**state, **{key: torch.tensor(one) for key, one in made.items()}}
        )
        photo = published.image(*size)[..., ::-1] if bgr else published.image(*size)
        image = torch.tensor((photo / np.float32(255) - mean) / std)
        if name not in ("newell", TAGGING):
            image = image.permute(0, 3, 1, 2)
        with torch.no_grad():
            maps = network.eval()(image.contiguous())
        if isinstance(maps, list):
            maps = maps[-1]
        maps = maps[:, -1] if maps.ndim == 5 else maps
        numbers = np.float64(published.some(maps.numpy())).ravel()
        answers[name] = {
            "model": model,
            "shapes": {key: " ".join(map(str, one)) for key, one in shapes.items()},
            "maps": " ".join(f"{number:.7g}" for number in numbers),
        }
    path.write_text(json.dumps(answers, indent=0) + "\n")


# --- with this package -----------------------------------------------------------


def compare(work: pathlib.Path, names) -> None:
    """Imports what ``official`` wrote and prints the differences."""
    print(
        "network, file, heatmaps, keypoints px, with the mirrored crop: both, rounding"
    )
    for name in names:
        if not (work / f"{name}.npz").is_file():
            continue
        theirs = dict(np.load(work / f"{name}.npz"))
        path = work / str(theirs["path"])
        if name in TRUNKS:
            compare_trunk(name, path, theirs)
        else:
            compare_network(name, path, theirs)


def relative(found, expected) -> float:
    return float(np.abs(found - expected).max() / np.abs(expected).max())


def compare_network(name: str, path: pathlib.Path, theirs: dict) -> None:
    import tfpose
    from tfpose.models.table import MODELS

    model = MODELS[str(theirs["model"])].from_torch(path)
    skeleton = model.recipe.skeleton
    crops = np.float32(theirs["crops"])
    answer = {key: np.array(one) for key, one in model({"image": crops}).items()}
    maps = answer["heatmap"]
    if model.is_bottom_up:
        maps = np.concatenate([maps, answer["tags"]], axis=-1)
    maps = maps.transpose(0, 3, 1, 2)
    line = [relative(maps, theirs["maps"])]
    # The codes disagree about maps without a positive value, which show no joint.
    joints = len(skeleton)
    there = theirs["maps"][:, :joints].max((2, 3)) > 0
    line.append(np.abs(answer["keypoints"] - theirs["keypoints"])[there].max())
    whole = np.float32([[1, 0, 0], [0, 1, 0]])
    if model.is_bottom_up:
        detections, _ = tfpose.BottomUp(model, skeleton)._maps(crops[:1])
        averaged = detections[None].transpose(0, 3, 1, 2)
        read = model.conventions.position_layer(model.stride)
        points = np.array(read(detections[None]))
    else:
        estimator = tfpose.Estimator(model, skeleton, scales=(1.0,))
        looks, matrices = crops[:, None], np.stack([whole] * len(crops))
        points = estimator.pyramid(looks, matrices)[0].numpy()
        averaged = averaged_maps(estimator, crops)
    line.append(relative(averaged, theirs["averaged"]))
    there = theirs["averaged"][:, :joints].max((2, 3)) > 0
    line.append(np.abs(points - theirs["averaged_keypoints"])[there].max())
    line.append(float(theirs["rounding"]))
    print(f"{name}, {path.name}, " + ", ".join(f"{value:.2g}" for value in line))


def averaged_maps(estimator, crops) -> np.ndarray:
    """What the estimator decodes: the mean of both looks."""
    seen = []
    decode = estimator._decode
    estimator._decode = lambda belief: seen.append(belief) or decode(belief)
    whole = np.stack([np.float32([[1, 0, 0], [0, 1, 0]])] * len(crops))
    estimator.pyramid(crops[:, None], whole)
    estimator._decode = decode
    return seen[0].numpy().transpose(0, 3, 1, 2)


def compare_trunk(name: str, path: pathlib.Path, theirs: dict) -> None:
    import keras

    from tfpose.models import vgg
    from tfpose.models.conventions import Conventions
    from tfpose.models.published import trunks
    from tfpose.models.published.names import IMAGENET
    from tfpose.models.resnet import center, resnet

    trunk, _ = TRUNKS[name]
    image = keras.Input((*theirs["crops"].shape[1:3], 3))
    if trunk == "vgg16":
        model = keras.Model(image, vgg.large_fov(image))
        last = {"vgg16_bn": "conv4_3", "vgg16": "conv4_3"}[name]
    else:
        model = keras.Model(image, resnet(center(image), int(trunk[6:])))
        last = "stage3_block2_out"
    model.conventions = Conventions()
    trunks.load(model, trunk, path)
    # Their means instead of ours, which differ by up to 0.41 of 255.
    after = model.get_layer("center_image").output
    part = keras.Model(after, model.get_layer(last).output)
    found = np.array(part(np.float32(theirs["crops"]) - np.float32(IMAGENET["mean"])))
    own = keras.Model(image, model.get_layer(last).output)
    own = np.array(own(np.float32(theirs["crops"])))
    maps = theirs["maps"].transpose(0, 2, 3, 1)
    print(
        f"{name}, {path.name}, features {relative(found, maps):.2g}; with the trunk's "
        f"own means {relative(own, maps):.2g}"
    )


def main() -> None:
    sys.path.insert(0, str(PROJECT))
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    steps = parser.add_subparsers(dest="step", required=True)
    for step in ("official", "golden", "compare"):
        command = steps.add_parser(step)
        if step != "compare":
            command.add_argument("repositories", type=pathlib.Path)
        command.add_argument("work", type=pathlib.Path)
        everything = [*NETWORKS, *TRUNKS]
        command.add_argument("--only", nargs="+", default=everything, metavar="NAME")
    given = parser.parse_args()
    if given.step == "official":
        official(given.repositories, given.work, given.only)
    elif given.step == "golden":
        golden(given.repositories, given.work)
    else:
        compare(given.work, given.only)


if __name__ == "__main__":
    main()
