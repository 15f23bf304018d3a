"""The numbers that decide what a person's crop shows; every cropper uses them.

Training and inference crop with TensorFlow, installations without it with NumPy.
Exports carry these numbers for clients in other languages.
"""

# A crop is a quarter larger than the box on each axis (PoseFix's code).
CROP_MARGIN = 1.25
# The box around an input pose, relative to the tight one (PoseFix's code).
BOX_FACTOR = 1.2
# px; widens a side of length 0 of a pose's box to this (PoseFix's code).
SMALLEST_SIDE = 20.0
# A valid joint farther from every other one than this many times the middle distance
# from the pose's center is wild; poses of fewer joints can look so. Of COCO's people
# with 13 or more labeled joints, none has one; with 8 to 12, 1 in 1,000.
WILD = 4.0
LEAST_JOINTS_WITH_WILD = 8
# A crop pixel is the mean of this many samples along each axis at most.
MOST_SAMPLES = 8
# Standing height in chin-to-top lengths: 8 head sizes of 0.6 * 1.4286 each
# (PoseRefiner section 4 and its code).
HEIGHT_IN_HEADS = 8 * 0.6 * 1.4286
# Without a known head: standing height in longer sides of the pose's box.
HEIGHT_IN_BOXES = 1.2
# px; the least height.
SMALLEST_HEIGHT = 24.0
# px of a crop; what is seen in it and in its mirror image is one place if no farther
# apart.
SAME_JOINT = 12.0
# Fewer joints do not say how large a person is, so what a crop would show is unknown.
LEAST_JOINTS = 3


def least_joints(joints: int) -> int:
    """How many of a skeleton's joints a pose needs to be refined."""
    return min(LEAST_JOINTS, joints)
