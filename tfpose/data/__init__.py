"""From TFRecords of people to the batches that models learn from."""

from tfpose.data.examples import batches as batches
