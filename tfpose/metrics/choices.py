"""What a user can choose of the metrics; no imports, for the command line."""

# Metric -> the threshold of the published numbers.
DEFAULT_THRESHOLDS = {
    "pck": 0.2, "pckh": 0.5, "auc": 0.5, "pcp": 0.5, "oks": None, "mpii": 0.5,
    "posetrack": 0.5, "mota": 0.5,
}  # fmt: skip
METRICS = tuple(DEFAULT_THRESHOLDS)
# They score one pose a person; the others, all poses of a photo.
OF_PEOPLE = ("pck", "pckh", "auc", "pcp")
# They say of each person or photo how good its poses are, so changes have intervals.
COMPARED = (*OF_PEOPLE, "oks")
# The length that PCK is measured in.
NORMALIZERS = ("torso", "torso_box")
# Whose left is left.
VIEWPOINTS = ("person", "observer")
# How PCKh and AUC come to their mean (``metrics.pck``).
AVERAGINGS = ("joints", "labeled", "pooled")
