"""What users can choose about metrics; imports nothing, for the command line."""

# Metric -> threshold of the published numbers.
DEFAULT_THRESHOLDS = {
    "pck": 0.2, "pckh": 0.5, "auc": 0.5, "pcp": 0.5, "oks": None, "mpii": 0.5,
    "posetrack": 0.5, "mota": 0.5,
}  # fmt: skip
METRICS = tuple(DEFAULT_THRESHOLDS)
# These score one pose per person; the others, all poses of a photo.
OF_PEOPLE = ("pck", "pckh", "auc", "pcp")
# These score each person or photo, so their changes have intervals.
COMPARED = (*OF_PEOPLE, "oks")
# The unit of length of PCK.
NORMALIZERS = ("torso", "torso_box")
# Whose left counts as left.
VIEWPOINTS = ("person", "observer")
# How PCKh and AUC are averaged (``metrics.pck``).
AVERAGINGS = ("joints", "labeled", "pooled")
