"""One of two workers that train together: run by tests/test_cluster.py.

``python worker.py DATA FOLDER`` with TF_CONFIG: a run that diverges after its first
round and is resumed. Writes what it said.
"""

import pathlib
import sys

from tests.training.test_cluster import CONFIG, patches
from tfpose import errors
from tfpose.training import cluster, fit


class Wild(fit.StopOnNaN):
    """Spoils the weights, as divergence would, when the first round is over."""

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 1:
            for weight in self.model.trainable_variables:
                weight.assign(weight * float("nan"))


def main(data, folder):
    watched = fit.StopOnNaN
    with patches():
        fit.StopOnNaN = Wild
        try:
            fit.train(CONFIG, data, f"{folder}/run")
        except errors.TrainingError as error:
            number = cluster.place().number
            pathlib.Path(folder, f"error{number}").write_text(str(error))
        cluster.wait_for_all()  # for the chief's checkpoint
        assert not pathlib.Path(folder, "run", "model.weights.h5").exists()
        fit.StopOnNaN = watched
        fit.train(CONFIG, data, f"{folder}/run", resume=True)
    cluster.wait_for_all()


if __name__ == "__main__":
    main(*sys.argv[1:])
