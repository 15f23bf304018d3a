"""Names of the data sets and their options; imports nothing, for the command line."""

# Data set -> module and class of its builder.
BUILDERS = {
    "synthetic": ("data_prep.synthetic", "Synthetic"),
    "lsp": ("data_prep.lsp", "Lsp"),
    "lspet": ("data_prep.lspet", "Lspet"),
    "coco": ("data_prep.coco", "Coco"),
    "mpii": ("data_prep.mpii_people", "Mpii"),
    "flic": ("data_prep.flic", "Flic"),
    "posetrack17": ("data_prep.posetrack17", "Posetrack17"),
    "posetrack18": ("data_prep.posetrack18", "Posetrack18"),
    "crowdpose": ("data_prep.crowdpose", "Crowdpose"),
    "ochuman": ("data_prep.ochuman", "Ochuman"),
    "aic": ("data_prep.aic", "Aic"),
    "jhmdb": ("data_prep.jhmdb", "Jhmdb"),
    "own": ("data_prep.own", "Own"),
}
# What ``--set`` takes: for every data set, for COCO annotations, and for single ones. A
# test compares them with the builders.
OPTIONS = ("estimates", "person_size", "skeleton", "window")
OF_ANNOTATIONS = ("annotations", "images", "split")
OWN_OPTIONS = {
    **dict.fromkeys(BUILDERS, OF_ANNOTATIONS),
    "synthetic": ("people", "photos", "seed", "turn", "validation_photos", "workers"),
    "lsp": (),
    "lspet": (),
    "jhmdb": (*OF_ANNOTATIONS, "fold"),
}


def options_of(name: str) -> list[str]:
    """The names of a data set's options, in alphabetical order."""
    return sorted((*OPTIONS, *OWN_OPTIONS[name]))
