"""One of two workers that train together: run by tests/test_cluster.py.

``python worker.py DATA FOLDER`` with TF_CONFIG: a run that ends after its first round
and is resumed, then one that diverges. Writes what the latter says.
"""

import dataclasses
import pathlib
import sys

from tests.training.test_cluster import CONFIG, patches
from tfpose import errors
from tfpose.training import cluster, fit


class EndOfRound(fit.StopOnNaN):
    """Ends training, as a power cut would, when the first round is over."""

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 1:
            raise InterruptedError


def main(data, folder):
    watched = fit.StopOnNaN
    with patches():
        fit.StopOnNaN = EndOfRound
        try:
            fit.train(CONFIG, data, f"{folder}/run")
        except InterruptedError:
            fit.StopOnNaN = watched
        cluster.wait_for_all()  # for the chief's checkpoint
        fit.train(CONFIG, data, f"{folder}/run", resume=True)
        cluster.wait_for_all()
        wild = dataclasses.replace(
            CONFIG, learning_rate=1e30, optimizer="sgd", average=0.0
        )
        try:
            fit.train(wild, data, f"{folder}/wild")
        except errors.TrainingError as error:
            number = cluster.place().number
            pathlib.Path(folder, f"error{number}").write_text(str(error))
    cluster.wait_for_all()


if __name__ == "__main__":
    main(*sys.argv[1:])
