"""Every error class of the package.

All derive from ``TfposeError``, a ``ValueError``. The message is one readable line:
which file, which record, what was expected, and what was found. Commands print it
without a traceback.

``InputWarning`` is for files that can be used in part.
"""

import reprlib

# Characters of a message: beyond them, nobody reads.
LONGEST = 600

_SHORT = reprlib.Repr()
_SHORT.maxlevel, _SHORT.maxlist, _SHORT.maxtuple, _SHORT.maxdict = 3, 8, 8, 8
_SHORT.maxstring = _SHORT.maxlong = _SHORT.maxother = 60


def shown(value) -> str:
    """A value of somebody's file as in Python's code, cut to fit into a message.

    Example:
        >>> shown("a" * 1000)
        "'aaaaaaaaaaaaaaaaaaaaaaaaaaa...aaaaaaaaaaaaaaaaaaaaaaaaaaaa'"
    """
    return _SHORT.repr(value)


def one_line(text: str) -> str:
    """A text on one line that any terminal can print, cut in its middle.

    Example:
        >>> one_line("a\\nb")
        'a\\\\nb'
    """
    text = "".join(c if c.isprintable() else _escaped(c) for c in text)
    if len(text) <= LONGEST:
        return text
    end = LONGEST // 3
    return f"{text[: LONGEST - end - 5]} ... {text[-end:]}"


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode()


class TfposeError(ValueError):
    """Base class: an argument or a file that cannot be used."""

    def __str__(self) -> str:
        return one_line(super().__str__())


class InputWarning(UserWarning):
    """Says what of a file is not used, and how much of it."""


class FileError(TfposeError):
    """A file that cannot be read or written."""


class CodeInFileError(FileError):
    """A file that would run code where only data belongs."""


class PoseFileError(FileError):
    """A pose or annotation file whose contents cannot be used."""


class PhotoError(FileError):
    """A photo that is missing, damaged, or not a photo."""


class VideoError(FileError):
    """A video, camera, or stream without frames that can be read."""


class ConfigError(TfposeError):
    """A training configuration that cannot be used."""


class DataError(TfposeError):
    """Prepared data that cannot be read."""


class ModelFolderError(TfposeError):
    """A model folder that is missing, or holds the weights of another network."""


class TrainingError(TfposeError):
    """Training that cannot start or continue."""


class ClusterError(TfposeError):
    """Workers that cannot train together."""


class ImageNetError(TfposeError):
    """ImageNet weights that are missing or do not fit the network."""


class DetectorError(TfposeError):
    """A detector that cannot be used, or a file that is none."""


class ExportError(TfposeError):
    """A model that cannot be exported, or whose export gives other results."""


class LiteRTError(TfposeError):
    """A graph that cannot become a ``.tflite`` file."""


class MetadataError(TfposeError):
    """An exported file without readable metadata."""


class PredictorError(TfposeError):
    """A model or an input that a ``Predictor`` cannot use."""


class ServingError(TfposeError):
    """A folder that cannot be served."""


class RequestError(TfposeError):
    """A request that cannot be answered."""
