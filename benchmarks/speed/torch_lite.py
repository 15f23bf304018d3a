"""The networks of ``estimator_lite_lsp14`` and ``posefix_lite_lsp14`` in PyTorch.

The same layers and sizes with random weights, for their time alone. ``networks.py`` and
``training_step.py`` run this file in an interpreter that has PyTorch.

Usage: python torch_lite.py THREADS [BATCH]
"""

from __future__ import annotations

import sys
import time

import torch
from torch import nn
from torch.nn import functional

# Blocks of a stage, kernel, stride, expansion, and filters: EfficientNet-Lite0.
STAGES = (
    (1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112), (4, 5, 2, 6, 192), (1, 3, 1, 6, 320),
)  # fmt: skip
HEAD, LATERALS = (192, 128, 96), (112, 40, 24)
JOINTS, SIDE, SIGMA = 14, 256, 8.0


def convolution(before: int, filters: int, kernel: int, stride=1, groups=1, relu=True):
    parts = [
        nn.Conv2d(before, filters, kernel, stride, kernel // 2, 1, groups, bias=False),
        nn.BatchNorm2d(filters),
    ]
    return nn.Sequential(*parts, *([nn.ReLU6(inplace=True)] if relu else []))


class Block(nn.Module):
    def __init__(self, before: int, filters: int, kernel: int, stride: int, expansion):
        super().__init__()
        width = before * expansion
        first = [convolution(before, width, 1)] if expansion > 1 else []
        self.layers = nn.Sequential(
            *first,
            convolution(width, width, kernel, stride, groups=width),
            convolution(width, filters, 1, relu=False),
        )
        self.adds = stride == 1 and before == filters

    def forward(self, x):
        return x + self.layers(x) if self.adds else self.layers(x)


class Trunk(nn.Module):
    """The features at strides 4, 8, 16, and 32."""

    def __init__(self, channels: int):
        super().__init__()
        self.stem = convolution(channels, 32, 3, 2)
        self.stages, before = nn.ModuleList(), 32
        for blocks, kernel, stride, expansion, filters in STAGES:
            stage = []
            for index in range(blocks):
                step = stride if index == 0 else 1
                stage.append(Block(before, filters, kernel, step, expansion))
                before = filters
            self.stages.append(nn.Sequential(*stage))

    def forward(self, x):
        x, features = self.stem(x), []
        for stage in self.stages:
            x = stage(x)
            features.append(x)
        return [features[place] for place in (1, 2, 4, 6)]


class Network(nn.Module):
    """The estimator, or the refiner, which sees a drawn pose beside the photo."""

    def __init__(self, refines: bool):
        super().__init__()
        self.refines, self.trunk = refines, Trunk(3 + JOINTS * refines)
        sizes = zip((320, *HEAD), HEAD, strict=False)
        self.up = nn.ModuleList(
            nn.Sequential(
                nn.ConvTranspose2d(before, filters, 4, 2, 1, bias=False),
                nn.BatchNorm2d(filters),
            )
            for before, filters in sizes
        )
        self.laterals = nn.ModuleList(
            convolution(before, filters, 1, relu=False)
            for before, filters in zip(LATERALS, HEAD, strict=True)
        )
        self.logits = nn.Conv2d(HEAD[-1], JOINTS, 1)

    def forward(self, image, pose):
        x = (image - 127) / 128
        if self.refines:
            x = torch.cat([x, 2 * drawn(pose, SIDE, SIGMA)], 1)
        *features, x = self.trunk(x)
        for up, lateral in zip(self.up, self.laterals, strict=True):
            x = functional.relu(up(x) + lateral(features.pop()))
        logits = self.logits(x)
        if self.refines:
            prior = drawn(pose / 4, SIDE // 4, SIGMA / 4)
            logits = logits + torch.log(prior + 0.02)
        return expectation(logits.flatten(2).softmax(-1).view(logits.shape))


def drawn(pose, side: int, sigma: float):
    """f32[B, K, side, side]: a Gaussian around each joint f32[B, K, 2]."""
    places = torch.arange(side, dtype=torch.float32)
    x, y = (
        torch.exp(-((places - pose[..., axis, None]) ** 2) / (2 * sigma**2))
        for axis in (0, 1)
    )
    return y[..., :, None] * x[..., None, :]


def expectation(belief):
    places = torch.arange(belief.shape[-1], dtype=torch.float32)
    x, y = (belief.sum(2) * places).sum(-1), (belief.sum(3) * places).sum(-1)
    return 4 * torch.stack([x, y], -1) + 1.5


FORMS = {"": torch.contiguous_format, "last": torch.channels_last}


class Calls:
    """The calls that the other interpreter asks for by name."""

    def __init__(self, batch: int):
        image = torch.rand(batch, 3, SIDE, SIDE) * 255
        self.images = {
            name: image.to(memory_format=form) for name, form in FORMS.items()
        }
        self.pose = torch.rand(batch, JOINTS, 2) * SIDE
        self.networks, self.optimizers = {}, {}
        for kind in ("refiner", "estimator"):
            for name, form in FORMS.items():
                network = Network(kind == "refiner").eval()
                self.networks[kind, name] = network.to(memory_format=form)

    def infer(self, kind: str, form: str) -> None:
        with torch.inference_mode():
            self.networks[kind, form](self.images[form], self.pose)

    def learn(self, kind: str, form: str) -> None:
        network = self.networks[kind, form].train()
        if network not in self.optimizers:
            self.optimizers[network] = torch.optim.AdamW(network.parameters(), 1e-3)
        optimizer = self.optimizers[network]
        optimizer.zero_grad()
        answer = network(self.images[form], self.pose)
        (answer - self.pose).abs().mean().backward()
        optimizer.step()

    def __call__(self, line: str) -> tuple[float, float]:
        """Seconds by the clock and of all cores."""
        what, kind, *form = line.split()
        start = time.perf_counter(), time.process_time()
        getattr(self, what)(kind, "".join(form))
        return time.perf_counter() - start[0], time.process_time() - start[1]


def main(threads: str, batch: str = "1") -> None:
    torch.set_num_threads(int(threads))
    calls = Calls(int(batch))
    print(f"PyTorch {torch.__version__}", flush=True)
    for line in sys.stdin:
        print(*calls(line), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
