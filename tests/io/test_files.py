"""Files are written whole or not at all, by one writer at a time, and none is left."""

import errno
import json
import os
import pathlib
import signal
import subprocess
import sys
import threading

import pytest

from tfpose.errors import FileError
from tfpose.io import files

FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def names(folder: pathlib.Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def killed_while(statement: str, folder: pathlib.Path) -> None:
    """Runs a statement with ``files`` and a folder, and kills it in its ``with``."""
    code = (
        "import pathlib, signal, os, sys; from tfpose.io import files\n"
        f"folder = pathlib.Path({str(folder)!r})\n{statement}\n"
        "    os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", code], timeout=60)
    assert done.returncode == -signal.SIGKILL


# --- full and read-only file systems ------------------------------------------------


@pytest.mark.parametrize(
    "error",
    [
        FULL,
        OSError(errno.EROFS, os.strerror(errno.EROFS)),
        # As h5py and TensorFlow say it.
        RuntimeError("unable to flush: errno = 28, 'No space left on device'"),
        ValueError("RESOURCE_EXHAUSTED: x/y; No space left on device"),
    ],
)
@pytest.mark.parametrize("writer", ["replacing", "replacing_folder", "filling"])
def test_a_full_disk_is_one_line_that_names_the_file_and_nothing_is_left(
    tmp_path, writer, error
):
    out = tmp_path / "out"
    with pytest.raises(FileError, match="out: cannot write: (No space|Read-only)"):
        with getattr(files, writer)(out) as beside:
            part = beside if writer == "replacing" else beside / "part"
            part.write_text("half")
            raise error
    assert names(tmp_path) == []


def test_an_error_about_another_file_stays_what_it_is(tmp_path):
    with pytest.raises(FileNotFoundError, match="elsewhere"):
        with files.replacing(tmp_path / "out"):
            open("/elsewhere/photo.jpg", "rb")
    with pytest.raises(KeyError):
        with files.replacing(tmp_path / "out"):
            raise KeyError("no word about disks")


def test_a_file_larger_than_the_limit_is_one_line_and_the_old_one_stays(tmp_path):
    """A real refusal of the operating system, in a process of its own."""
    out = tmp_path / "out.json"
    out.write_text("old")
    code = (
        "import resource, signal, sys; from tfpose.io import files\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "try: files.write_text(sys.argv[1], 'x' * 10_000)\n"
        "except files.FileError as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(out)], capture_output=True, text=True
    )
    assert done.stdout == f"{out}: cannot write: {os.strerror(errno.EFBIG)}\n"
    assert names(tmp_path) == ["out.json"] and out.read_text() == "old"


def test_writing_is_checked_before_the_work(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    files.check_writable(tmp_path / "out.json")
    assert names(tmp_path) == []
    monkeypatch.setattr(files.tempfile, "mkdtemp", refuse)
    with pytest.raises(FileError, match="out.json: cannot write: Read-only"):
        files.check_writable(tmp_path / "out.json")


def test_what_is_no_regular_file_is_written_to_and_not_replaced(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
    reader.start()
    files.write_text(pipe, "poses")
    reader.join(10)
    assert read == ["poses"] and pipe.is_fifo()
    files.write_text("/dev/null", "poses")
    assert pathlib.Path("/dev/null").is_char_device()


# --- killed writers -------------------------------------------------------------------


@pytest.mark.parametrize("writer", ["replacing", "replacing_folder", "filling"])
def test_the_next_run_removes_what_a_killed_one_left(tmp_path, writer):
    killed_while(f"with files.{writer}(folder / 'out'):", tmp_path)
    (left,) = names(tmp_path)
    assert left.startswith(files.HIDDEN)
    files.write_text(tmp_path / "other.json", "{}")
    assert names(tmp_path) == ["other.json"]


def test_what_a_living_process_writes_is_not_removed(tmp_path):
    with files.replacing_folder(tmp_path / "out") as folder:
        (folder / "part").write_text("half")
        files._remove_leftovers.cache_clear()
        files.write_text(tmp_path / "other.json", "{}")
        assert (folder / "part").exists()
    assert names(tmp_path) == ["other.json", "out"]


def test_a_folder_moved_away_by_a_killed_replacement_comes_back(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "model").write_text("old")
    statement = (
        "with files.hidden_folder(folder / 'out', folder) as hidden:\n"
        "    (hidden / files.OLD).mkdir()\n"
        "    os.rename(folder / 'out', hidden / files.OLD / 'out')"
    )
    killed_while(statement, tmp_path)
    assert not (tmp_path / "out").exists()
    files.write_text(tmp_path / "other.json", "{}")
    assert (tmp_path / "out" / "model").read_text() == "old"


# --- several writers ------------------------------------------------------------------


def test_of_many_writers_of_a_folder_one_stays_whole(tmp_path):
    out, errors = tmp_path / "out", []

    def write(number):
        try:
            for _ in range(20):
                with files.replacing_folder(out) as folder:
                    for name in ("one", "two"):
                        (folder / name).write_text(str(number))
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=write, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors and names(tmp_path) == ["out"]
    assert (out / "one").read_text() == (out / "two").read_text()


def test_a_held_folder_names_who_holds_it_until_that_process_ends(tmp_path):
    folder = tmp_path / "run"
    code = (
        "import sys; from tfpose.io import files\n"
        "with files.holding(sys.argv[1]): print('held', flush=True); input()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", code, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with other:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(FileError, match=rf"process {other.pid} on .* is writing"):
            with files.holding(folder):
                pass
        other.kill()
        other.wait()
        with files.holding(folder):
            assert names(folder) == [files.HOLDER]
    assert names(folder) == []  # it was there before


def test_a_held_folder_that_stays_empty_does_not_stay(tmp_path):
    with files.holding(tmp_path / "a" / "run"):
        pass
    assert not (tmp_path / "a").exists()
    with files.holding(tmp_path / "run"):
        files.write_json(tmp_path / "run" / "config.json", {})
    assert json.loads((tmp_path / "run" / "config.json").read_text()) == {}
