"""Names of the data sets; imports nothing, for the command line."""

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
