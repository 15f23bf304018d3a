"""One folder of two: the fusion of a trained RNet and a trained CNet."""

import dataclasses
import functools

import numpy as np
import pytest

from tests.support.contracts import fill_weights
from tfpose import cli
from tfpose.errors import TrainingError
from tfpose.io.files import write_json
from tfpose.models import folders, table
from tfpose.recipes import RECIPES
from tfpose.training import hybrid_pose

pytestmark = pytest.mark.slow

# The modules with the fewest layers.
PLAIN = {"residual": "newell", "link": "plain", "blocks": 1}
NETWORKS = {
    "rnet": {"filters": 4, "stacks": 2, "depth": 1, **PLAIN},
    "cnet": {"filters": 8, "depths": (1, 1), **PLAIN},
}


def write(folder, kind, **changes):
    """Writes the folder of a network that noise has trained; the network."""
    recipe = dataclasses.replace(RECIPES[kind]["tiny"](), input_size=(32, 32))
    network = {**recipe.network, **NETWORKS[kind]}
    recipe = dataclasses.replace(recipe, **{"network": network, **changes})
    folder.mkdir()
    network = fill_weights(table.build_model(recipe))
    network.save_weights(folder / folders.WEIGHTS)
    write_json(folder / folders.CONFIG, recipe.to_json())
    return network


@pytest.fixture(scope="module")
def networks(tmp_path_factory):
    """The folder of both networks' folders, and both networks by name."""
    folder = tmp_path_factory.mktemp("parts")
    return folder, {kind: write(folder / kind, kind) for kind in NETWORKS}


@pytest.fixture
def parts(networks):
    return [networks[0] / kind for kind in NETWORKS]


LOAD = functools.cache(table.load_model)


@pytest.fixture
def loaded_once(monkeypatch):
    """Each folder of a network is read once; the command's test reads them anew."""
    monkeypatch.setattr(hybrid_pose, "load_model", LOAD)


def test_the_command_writes_both_networks_and_the_fusion_of_some_hourglasses(
    networks, parts, tmp_path, capsys
):
    rnet, cnet = map(str, parts)
    both = str(tmp_path / "both")
    words = ["fuse", "--rnet", rnet, "--cnet", cnet, "--out", both]
    assert cli.main([*words, "--refinement", "2", "--correction", "1", "2"]) == 0
    assert f"wrote {both}" in capsys.readouterr().out
    model, chosen = table.load_model(both)
    assert chosen.model == "hybrid_pose" and chosen.heatmap_loss == 0
    assert chosen.network["refinement"] == (2,)
    assert chosen.network["correction"] == (1, 2)
    photo = {"image": np.random.default_rng(0).uniform(0, 255, (1, 32, 32, 3))}
    found = model(photo)
    for part, network in networks[1].items():
        alone = network(photo)
        for name in ("stage1", "heatmap"):
            np.testing.assert_allclose(found[f"{part}_{name}"], alone[name], atol=1e-5)
    assert np.ptp(found["heatmap"]) > 0
    assert cli.main(words) == 2
    assert "a run is there already" in capsys.readouterr().err


def test_without_rnet_only_cnet_is_kept(networks, parts, tmp_path, loaded_once):
    hybrid_pose.fuse_folders(*parts, tmp_path / "fast", refinement=[])
    fast = table.load_model(tmp_path / "fast")[0]
    assert fast.count_params() == networks[1]["cnet"].count_params()


def test_other_networks_are_named(parts, tmp_path, loaded_once):
    with pytest.raises(
        TrainingError, match="cnet: expected a trained rnet, found cnet"
    ):
        hybrid_pose.fuse_folders(parts[1], parts[0], tmp_path / "both")
    other = tmp_path / "larger"
    write(other, "cnet", input_size=(64, 64))
    with pytest.raises(TrainingError, match="same joints and input size"):
        hybrid_pose.fuse_folders(parts[0], other, tmp_path / "both")
    with pytest.raises(TrainingError, match="hourglasses of rnet"):
        hybrid_pose.fuse_folders(*parts, tmp_path / "both", refinement=(3,))
    assert not (tmp_path / "both").exists()
