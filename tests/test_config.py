"""Configurations: JSON and back, settings of the command line, clear refusals."""

import dataclasses
import json

import pytest

from tfpose import config as configs
from tfpose.config import Config
from tfpose.errors import ConfigError
from tfpose.recipes import RECIPES

ALL_RECIPES = [
    pytest.param(recipe, id=f"{model}-{preset}")
    for model, presets in RECIPES.items()
    for preset, recipe in presets.items()
]


@pytest.fixture
def tiny() -> Config:
    return RECIPES["posefix"]["tiny"]()


@pytest.fixture
def estimator() -> Config:
    return RECIPES["hcrn"]["tiny"]()


@pytest.mark.parametrize("recipe", ALL_RECIPES)
def test_json_brings_a_recipe_back(recipe):
    config = recipe()
    assert Config.from_json(json.loads(json.dumps(config.to_json()))) == config


def test_the_paper_recipe_has_the_papers_numbers():
    paper = RECIPES["posefix"]["paper"]()
    assert (paper.learning_rate, paper.epochs, paper.batch_size) == (5e-4, 140, 128)
    assert paper.learning_rate_drops == (90, 120)
    assert paper.input_size == (256, 192) and paper.network["sigma"] == 7
    assert (paper.augmentation.scale, paper.augmentation.rotation) == (0.3, 40)


def test_the_lite_recipe_shows_its_numbers():
    lite = RECIPES["posefix"]["lite"]()
    assert lite.skeleton.name == "coco17_lsp14" and lite.batch_size == 256
    assert lite.train.count("lsp/train[:90%]") == 2  # seen twice as often
    assert lite.augmentation.paste == 0.3 and lite.augmentation.any_angle == 0.1
    synthesis = lite.synthesis
    assert synthesis["quality"] == 0.5
    assert sum(synthesis["exchanged_limbs"].values()) == pytest.approx(0.16)
    assert sum(synthesis["given_joints"].values()) == pytest.approx(1)
    assert (lite.weight_decay, lite.average, lite.warm_up) == (0.02, 0.999, 0.03)


def test_the_paper_recipes_of_hcrn_have_the_papers_numbers():
    recipes = RECIPES["hcrn"]
    lsp, flic, mpii = (
        recipes[name]() for name in ("paper", "paper_flic", "paper_mpii")
    )
    for paper, size, radius in ((lsp, 368, 10), (flic, 368, 10), (mpii, 384, 12)):
        assert paper.input_size == (size, size) and paper.epochs == 250
        assert paper.target["codec"] == "disc" and paper.target["radius"] == radius
        assert paper.heatmap_error == "cross_entropy"
        assert paper.network["diffusion_radius"] == 7 and paper.network["root_cru"]
        assert (paper.augmentation.scale, paper.augmentation.rotation) == (0.3, 40)
        assert paper.augmentation.mirror == 0.5 and paper.coordinate_loss == 0
    assert lsp.train == ("lsp/train", "lspet/train")
    assert [p.skeleton.name for p in (lsp, flic, mpii)] == ["lsp14", "flic10", "mpii16"]
    assert lsp.heatmap_loss == lsp.stage_loss == 1
    # CPM's rate for Caffe's summed loss; Torch's hourglass codes have means.
    assert lsp.objective["reduction"] == flic.objective["reduction"] == "sum"
    assert (lsp.learning_rate, lsp.decay, mpii.objective) == (8e-5, "loss", {})
    # "SGD ... for VGG16, ResNet101 and CPM based models, RMSProp for HG based ones."
    assert [p.optimizer for p in (lsp, flic, mpii)] == ["sgd", "sgd", "rmsprop"]
    assert mpii.network["stages"] == 8


@pytest.mark.parametrize(
    "model, decay",
    [
        ("posefix", (1e-5, "loss")),
        ("cpn", (1e-5, "loss")),
        ("integral_pose", (1e-5, "loss")),
        ("cpm", (5e-4, "loss")),
        ("hcrn", (5e-4, "loss")),
        ("pose_refiner", (0, "decoupled")),
        ("simple_baseline", (0, "decoupled")),
        ("hourglass", (0, "decoupled")),
    ],
)
def test_the_paper_recipes_decay_kernels_as_their_code_does(model, decay):
    paper = RECIPES[model]["paper"]()
    assert (paper.weight_decay, paper.decay) == decay


CODES = [model for model, recipes in RECIPES.items() if "code" in recipes]


@pytest.mark.parametrize("model", CODES)
def test_a_recipe_code_differs_from_the_papers_only_where_the_code_does(model):
    paper, code = (RECIPES[model][name]() for name in ("paper", "code"))
    same = {"augmentation", "batch_size", "crop", "network", "target", "objective"}
    restored = {name: getattr(paper, name) for name in same}
    assert code != paper and dataclasses.replace(code, **restored) == paper
    if model != "pose_refiner":  # whose authors draw scales uniformly, too
        assert paper.augmentation.distribution == "uniform"
        assert code.augmentation.distribution != "uniform"


@pytest.mark.parametrize(
    "setting, name, value",
    [
        ("epochs=3", "epochs", 3),
        ("learning_rate=1e-4", "learning_rate", 1e-4),
        ("input_size=256x192", "input_size", (256, 192)),
        ("input_size=384X288", "input_size", (384, 288)),
        (
            "train=lsp/train,lspet/train[:9%]",
            "train",
            ("lsp/train", "lspet/train[:9%]"),
        ),
        ("schedule=steps", "schedule", "steps"),
        ("learning_rate_drops=90,120", "learning_rate_drops", (90, 120)),
        ("learning_rate_drops=", "learning_rate_drops", ()),
        ("network.sigma=7", "network.sigma", 7.0),
        ("sigma=7", "network.sigma", 7.0),
        ("filters=8,16,32", "network.filters", (8, 16, 32)),
        ("pose_prior=false", "network.pose_prior", False),
        ("augmentation.mirror=0", "augmentation.mirror", 0.0),
        ("rotation=10", "augmentation.rotation", 10.0),
        (" seed = 4 ", "seed", 4),
        ("codec=gaussian", "target.codec", "gaussian"),
        ("target.codec=disc", "target.codec", "disc"),
        ("heatmap_error=squared", "heatmap_error", "squared"),
        ("error=squared", "heatmap_error", "squared"),  # its earlier name
        ("optimizer=sgd", "optimizer", "sgd"),
        ("decay=loss", "decay", "loss"),
        ("distribution=normal", "augmentation.distribution", "normal"),
    ],
)
def test_a_setting_changes_one_value_and_keeps_its_type(tiny, setting, name, value):
    before = configs.flatten(tiny)
    changed = configs.flatten(configs.override(tiny, [setting]))
    assert changed == {**before, name: value}
    assert type(changed[name]) is type(before[name])
    assert configs.flatten(tiny) == before


@pytest.mark.parametrize(
    "setting, name",
    [
        ("target.radius=12", "target.radius"),
        ("radius=12", "target.radius"),
        ("diffusion_radius=12", "network.diffusion_radius"),
        ("sigma=12", "target.sigma"),
    ],
)
def test_a_setting_of_the_target_keeps_the_others(estimator, setting, name):
    before = configs.flatten(estimator)
    changed = configs.flatten(configs.override(estimator, [setting]))
    assert changed == {**before, name: 12}
    assert type(changed[name]) is type(before[name])


def test_enlarging_first_and_starts_are_settings():
    rnet = configs.override(RECIPES["rnet"]["tiny"](), ["enlarge_first=true"])
    assert rnet.network["enlarge_first"] is True
    hrnet = configs.override(RECIPES["hrnet"]["paper"](), ["start.all=0.01"])
    assert hrnet.start == {"all": 0.01}
    with pytest.raises(ConfigError, match="start: expected positive numbers or some"):
        dataclasses.replace(hrnet, start={"all": "xavier"})


@pytest.mark.parametrize("changes", [{"decay": "decoupled"}, {"/bias": 0}])
def test_layers_learn_faster_by_positive_factors_and_with_decay_in_the_loss(changes):
    paper = RECIPES["cpm"]["paper"]()
    assert paper.learning_rate_factors == {"_stage1/": 5, "/bias": 2}
    decay = changes.pop("decay", "loss")
    with pytest.raises(ConfigError, match="learning_rate_factors: expected positive"):
        dataclasses.replace(
            paper, decay=decay, learning_rate_factors={"/bias": 2.0, **changes}
        )


def test_a_name_that_two_settings_share_is_refused(estimator):
    network = {**estimator.network, "sigma": 3.0}
    config = dataclasses.replace(estimator, network=network)
    message = r"--set sigma: expected one of \['network.sigma', 'target.sigma'\]"
    with pytest.raises(ConfigError, match=message):
        configs.override(config, ["sigma=2"])
    assert configs.override(config, ["target.sigma=2"]).target["sigma"] == 2


def test_settings_are_applied_in_order(tiny):
    assert configs.override(tiny, ["epochs=3", "epochs=5"]).epochs == 5
    assert configs.override(tiny, []) == tiny


def test_settings_fit_a_config_read_from_json(tiny):
    read = Config.from_json(tiny.to_json())
    assert configs.override(read, ["filters=8,8,8"]).network["filters"] == (8, 8, 8)


@pytest.mark.parametrize(
    "setting, message",
    [
        (
            "epoch=3",
            "--set epoch: no such setting, .* one of .'epochs', .*'network.trunk'",
        ),
        ("network.epochs=3", "no such setting"),
        ("epochs", "expected key=value"),
        ("epochs=three", "--set epochs=three: expected a value like 20"),
        ("epochs=0", "epochs: expected at least 1, found 0"),
        ("batch_size=-1", "batch_size: expected at least 1"),
        ("input_size=256", "input_size: expected a height and a width"),
        ("input_size=256x", "input_size: expected a height and a width"),
        ("pose_prior=maybe", "expected a value like True"),
        ("schedule=cosin", "expected one of .*cosine.*found 'cosin'"),
        ("learning_rate=0", "positive"),
        ("learning_rate=nan", "positive"),
        ("average=1", r"\[0, 1\)"),
        ("codec=circle", "target: expected a 'codec' of .*'disc'.*found .*'circle'"),
        ("error=l1", "error: expected one of .*'squared'.*found 'l1'"),
        ("decay=none", "decay: expected one of .*'loss'.*found 'none'"),
        ("distribution=even", "distribution: expected one of .*'normal'.*found 'even'"),
        ("optimizer=lbfgs", "optimizer: expected one of .*'rmsprop'.*found 'lbfgs'"),
    ],
)
def test_a_setting_that_does_not_fit_is_refused_in_one_line(tiny, setting, message):
    with pytest.raises(ConfigError, match=message) as error:
        configs.override(tiny, [setting])
    assert "\n" not in str(error.value)


def test_a_saved_config_is_read_back(tiny, tmp_path):
    path = tmp_path / "config.json"
    path.write_text(json.dumps(tiny.to_json()))
    assert configs.load(path) == tiny


def test_a_config_from_before_there_were_estimators_is_that_of_posefix(tiny, tmp_path):
    data = tiny.to_json()
    for name in ("target", "heatmap_error", "optimizer"):
        del data[name]
    (tmp_path / "config.json").write_text(json.dumps(data))
    config = configs.load(tmp_path / "config.json")
    assert config == tiny and config.target == {"codec": "integral"}
    assert (config.heatmap_error, config.optimizer) == ("cross_entropy", "adamw")


def test_a_config_of_an_earlier_version_is_read():
    new = RECIPES["pose_refiner"]["paper"]()
    old = new.to_json()
    old["error"] = old.pop("heatmap_error")
    old["freeze_normalisation"] = old.pop("freeze_normalization")
    old |= {"person_height": 340.0, "whole_window": False, "hard_joints": 0}
    old["tag_loss"] = 0.001
    for name in ("offset_loss", "offset_error"):
        old[name] = old["objective"].pop(name)
    del old["crop"]
    old["augmentation"]["colour"] = old["augmentation"].pop("color")
    read = Config.from_json(old)
    assert read.crop == {"person_height": 340.0, "whole_window": False}
    assert read.objective == {**new.objective, "tag_loss": 0.001, "hard_joints": 0}
    same = {"crop": new.crop, "objective": new.objective}
    assert dataclasses.replace(read, **same) == new


def test_a_users_skeleton_is_part_of_the_configuration(tiny, tmp_path):
    path = tmp_path / "lamp.json"
    lamp = {"name": "lamp", "joints": ["foot", "bulb"], "torso": ["foot", "bulb"]}
    path.write_text(json.dumps(lamp))
    config = configs.override(tiny, [f"skeleton={path}"])
    assert config.skeleton.joints == ("foot", "bulb")
    path.unlink()
    assert Config.from_json(config.to_json()) == config
    with pytest.raises(ConfigError, match="lamp.json: cannot read"):
        configs.override(tiny, [f"skeleton={path}"])
    with pytest.raises(ConfigError, match="skeleton 'coco18': expected"):
        configs.override(tiny, ["skeleton=coco18"])


@pytest.mark.parametrize(
    "section, message",
    [
        ({"crop": {"zoom": 2}}, "crop: expected some of .*person_height.*'zoom'"),
        ({"crop": {"person_height": -1}}, "person_height: expected 0 or more px"),
        ({"objective": {"offset_error": "cubic"}}, "offset_error: expected one of"),
    ],
)
def test_a_section_has_known_settings(tiny, section, message):
    with pytest.raises(ConfigError, match=message):
        dataclasses.replace(tiny, **section)


@pytest.mark.parametrize("target", [{}, {"radius": 3}, "disc", None, ["disc"]])
def test_a_target_without_a_codec_is_refused(tiny, target):
    data = {**tiny.to_json(), "target": target}
    with pytest.raises(ConfigError, match="target|training configuration"):
        Config.from_json(data)


@pytest.mark.parametrize(
    "text, message",
    [
        ("{", "Expecting"),
        ("[]", "not a training configuration"),
        ("{}", "augmentation"),
        ('{"skeleton": {"name": "x"}, "augmentation": {}}', "joints"),
        ('{"skeleton": "lsp14", "augmentation": {"turns": 3}}', "turns"),
        ('{"augmentation": {}, "model": "posefix"}', "skeleton"),
    ],
)
def test_a_file_that_is_no_config_is_refused_by_name(text, message, tmp_path):
    path = tmp_path / "config.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message) as error:
        configs.load(path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)


def test_a_missing_file_is_refused_by_name(tmp_path):
    with pytest.raises(ConfigError, match="config.json"):
        configs.load(tmp_path / "config.json")


def test_a_config_cannot_be_changed(tiny):
    with pytest.raises(dataclasses.FrozenInstanceError):
        tiny.epochs = 3
