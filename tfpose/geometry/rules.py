"""The numbers that decide what a crop shows of a person, for everybody who cuts crops.

TensorFlow cuts crops in training and inference, NumPy where TensorFlow is not
installed, and exports carry these numbers for clients in other languages.
"""

# A crop shows a quarter more than the box on each axis (PoseFix's code).
CROP_MARGIN = 1.25
# The box around an input pose, relative to the tight one (PoseFix's code).
BOX_FACTOR = 1.2
# px; a side of length 0 of a pose's box is widened to this (PoseFix's code).
SMALLEST_SIDE = 20.0
# A standing person in chin-to-top lengths: 8 head sizes of 0.6 times 1.4286 of them
# (PoseRefiner section 4 and its code).
HEIGHT_IN_HEADS = 8 * 0.6 * 1.4286
# A standing person in longer sides of the pose's box, where the head is not known.
HEIGHT_IN_BOXES = 1.2
# px; nobody is taken to be shorter.
SMALLEST_HEIGHT = 24.0
