"""Whatever goes wrong while a file is written, the file from before survives and nothing else is left behind."""

import ast
import contextlib
import errno
import json
import math
import os
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from skips import (
    make_symbolic_link,
    needs_movable_folders,
    needs_named_pipes,
    needs_no_root,
    needs_permission_bits,
)

from minicluster import files
from minicluster.files import (
    OutputError,
    ensure_writable_folder,
    locked_folder,
    remove_leftovers,
    whole_file,
    write_bytes,
    write_csv,
    write_json,
    write_text,
)


class Broken(Exception):
    """What a writer raises that breaks halfway."""


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


@contextlib.contextmanager
def umask(mask):
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


@pytest.fixture
def no_pause(monkeypatch):
    """The pauses that would have been made."""
    pauses = []
    monkeypatch.setattr(files.time, "sleep", pauses.append)
    return pauses


# When all goes well -------------------------------------------------------------------------------


def test_bytes_and_text_arrive_unchanged(tmp_path):
    write_bytes(tmp_path / "bytes", b"\x00\r\n\xff")
    assert (tmp_path / "bytes").read_bytes() == b"\x00\r\n\xff"
    write_text(str(tmp_path / "text"), "Zürich → 東京\nline two\n")
    assert (tmp_path / "text").read_bytes() == "Zürich → 東京\nline two\n".encode("utf-8")
    with whole_file(tmp_path / "lines", "w") as file:
        print("Zürich", file=file)
    assert (tmp_path / "lines").read_bytes() == "Zürich\n".encode("utf-8")
    assert names_in(tmp_path) == ["bytes", "lines", "text"]


def test_an_existing_file_is_replaced_only_at_the_end(tmp_path):
    target = tmp_path / "states.npz"
    target.write_bytes(b"before")
    with whole_file(target) as file:
        np.savez(file, states=np.arange(5))
        assert target.read_bytes() == b"before"
        (temporary,) = set(names_in(tmp_path)) - {target.name}
        assert temporary.startswith(".minicluster-") and temporary.endswith(".tmp")
    assert np.array_equal(np.load(target)["states"], np.arange(5))
    assert names_in(tmp_path) == [target.name]


def test_a_file_name_in_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_text("results.json", "{}")
    assert names_in(tmp_path) == ["results.json"]


def test_a_very_long_name(tmp_path):
    name = "n" * 250  # 255 is the limit: a temporary name made from it would be too long
    if os.name == "nt":
        name = name[:100]  # there the whole path is limited to 260
    write_text(tmp_path / name, "text")
    assert names_in(tmp_path) == [name]


@needs_permission_bits
@pytest.mark.parametrize("mask, permissions", [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_a_new_file_gets_the_permissions_that_the_umask_leaves(tmp_path, mask, permissions):
    with umask(mask):
        write_text(tmp_path / "new", "text")
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == permissions


@needs_permission_bits
def test_an_existing_file_keeps_its_permissions(tmp_path):
    target = tmp_path / "secret"
    target.write_text("before")
    target.chmod(0o640)
    with umask(0o022):
        write_text(target, "after")
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    assert target.read_text() == "after"


@pytest.mark.parametrize("exists", [True, False])
def test_a_symbolic_link_is_written_through(tmp_path, exists):
    shelf, desk = tmp_path / "shelf", tmp_path / "desk"
    shelf.mkdir(), desk.mkdir()
    if exists:
        (shelf / "real").write_text("before")
    make_symbolic_link(desk / "link", shelf / "real")
    write_text(desk / "link", "after")
    assert (desk / "link").is_symlink()
    assert (shelf / "real").read_text() == "after"
    assert names_in(shelf) == ["real"] and names_in(desk) == ["link"]


# When something goes wrong -------------------------------------------------------------------------


def full_disk(*arguments):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def held_by_another(source, target):
    raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(source), None, str(target))


def interrupted(*arguments):
    raise KeyboardInterrupt


FAILURES = {
    "a disk full at fsync": ("fsync", full_disk, OutputError, os.strerror(errno.ENOSPC)),
    "Ctrl-C at fsync": ("fsync", interrupted, KeyboardInterrupt, ""),
    "a target held by another program": ("replace", held_by_another, OutputError, os.strerror(errno.EACCES)),
    "a disk full at the rename": ("replace", full_disk, OutputError, os.strerror(errno.ENOSPC)),
    "Ctrl-C at the rename": ("replace", interrupted, KeyboardInterrupt, ""),
}


@pytest.mark.parametrize("exists", [True, False])
@pytest.mark.parametrize("failure", FAILURES)
def test_failure_of_the_system(tmp_path, monkeypatch, no_pause, failure, exists):
    function, replacement, error, reason = FAILURES[failure]
    target = tmp_path / "results.json"
    if exists:
        target.write_text("before")
    monkeypatch.setattr(files.os, function, replacement)
    with pytest.raises(error) as caught:
        write_text(target, "after")
    monkeypatch.undo()
    if error is OutputError:
        assert str(caught.value) == f"cannot write {target}: {reason}"
    assert names_in(tmp_path) == ([target.name] if exists else [])
    assert not exists or target.read_text() == "before"


@pytest.mark.parametrize("error", [Broken, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("exists", [True, False])
def test_writer_that_raises_midway(tmp_path, error, exists):
    target = tmp_path / "states.npz"
    if exists:
        target.write_bytes(b"before")
    with pytest.raises(error):
        with whole_file(target) as file:
            file.write(b"half of the")
            file.flush()
            raise error
    assert names_in(tmp_path) == ([target.name] if exists else [])
    assert not exists or target.read_bytes() == b"before"


def test_a_disk_that_is_full_in_the_middle_is_told_with_the_path(tmp_path):
    with pytest.raises(OutputError, match=f"states.npz: {os.strerror(errno.ENOSPC)}"):
        with whole_file(tmp_path / "states.npz"):
            full_disk()  # as file.write does: it knows the number of the open file, not its name
    assert names_in(tmp_path) == []


@pytest.mark.parametrize("error", [FileNotFoundError(errno.ENOENT, "gone", "other"), OSError("not the system's")])
def test_errors_about_something_else_pass_through(tmp_path, error):
    with pytest.raises(OSError) as caught:
        with whole_file(tmp_path / "results.json"):
            raise error
    assert caught.value is error


def test_a_target_that_is_held_for_a_moment(tmp_path, monkeypatch, no_pause):
    """Windows: a virus scanner reads the file; it is free again at the third attempt."""
    attempts = []

    def replace(source, target, really=os.replace):
        attempts.append(source)
        if len(attempts) < 3:
            held_by_another(source, target)
        really(source, target)

    monkeypatch.setattr(files.os, "replace", replace)
    write_text(tmp_path / "results.json", "after")
    assert (tmp_path / "results.json").read_text() == "after"
    assert len(attempts) == 3 and len(no_pause) == 2


def test_the_file_is_closed_before_it_is_renamed(tmp_path, monkeypatch):
    """Windows refuses to rename an open file."""
    seen = []

    def replace(source, target, really=os.replace):
        seen.append(opened.closed)
        really(source, target)

    monkeypatch.setattr(files.os, "replace", replace)
    with whole_file(tmp_path / "results.json") as opened:
        opened.write(b"text")
    assert seen == [True]


def test_the_content_is_on_the_disk_before_the_rename(tmp_path, monkeypatch):
    order = []

    def fsync(number, really=os.fsync):
        order.append(("fsync", os.fstat(number).st_size))
        really(number)

    def replace(source, target, really=os.replace):
        order.append("replace")
        really(source, target)

    monkeypatch.setattr(files.os, "fsync", fsync)
    monkeypatch.setattr(files.os, "replace", replace)
    write_bytes(tmp_path / "five", b"bytes")
    assert order == [("fsync", 5), "replace"]


def test_a_folder_that_is_not_there(tmp_path):
    target = tmp_path / "gone" / "results.json"
    with pytest.raises(OutputError) as caught:
        write_text(target, "text")
    assert str(caught.value) == f"cannot write {target}: its folder does not exist"
    assert names_in(tmp_path) == []


@needs_movable_folders
def test_a_folder_that_vanishes_while_the_file_is_written(tmp_path):
    folder, moved = tmp_path / "results", tmp_path / "moved"
    folder.mkdir()
    with pytest.raises(OutputError, match="its folder does not exist"):
        with whole_file(folder / "states.npz") as file:
            file.write(b"text")
            folder.rename(moved)
    assert names_in(tmp_path) == ["moved"]


def test_a_target_that_is_a_folder(tmp_path):
    (tmp_path / "results").mkdir()
    with pytest.raises(OutputError, match="results: a folder is there"):
        write_text(tmp_path / "results", "text")
    assert names_in(tmp_path) == ["results"] and names_in(tmp_path / "results") == []


@needs_named_pipes
def test_a_target_that_is_no_file(tmp_path):
    """Like /dev/null, which must not be replaced by a file."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OutputError, match="pipe: something that is no file is there"):
        write_text(tmp_path / "pipe", "text")
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


def test_a_target_that_is_read_only(tmp_path, monkeypatch):
    target = tmp_path / "results.json"
    target.write_text("before")
    monkeypatch.setattr(files.os, "access", lambda path, mode: not (str(path) == str(target) and mode == os.W_OK))
    with pytest.raises(OutputError, match="results.json: the file there is read-only"):
        write_text(target, "after")
    assert target.read_text() == "before" and names_in(tmp_path) == [target.name]


def test_modes_other_than_writing_are_refused(tmp_path):
    for mode in ("r", "a", "w+", "x", "r+b"):
        with pytest.raises(ValueError, match="mode = "):
            with whole_file(tmp_path / "file", mode):
                pass
    assert names_in(tmp_path) == []


# JSON ---------------------------------------------------------------------------------------------


def test_json_round_trip(tmp_path):
    data = {
        "place": "Zürich → 東京",
        "seed": np.int64(3),
        "holds": np.bool_(True),
        "measured": np.float32(0.1),
        "ari": np.array([[0.5, 1 / 3], [1e-300, 1.0]]),
        "count": np.array(7),
        "missing": None,
        "runs": [{"steps": np.arange(3)}],
    }
    write_json(tmp_path / "results.json", data)
    read = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert read == {
        "place": "Zürich → 東京",
        "seed": 3,
        "holds": True,
        "measured": float(np.float32(0.1)),
        "ari": [[0.5, 1 / 3], [1e-300, 1.0]],
        "count": 7,
        "missing": None,
        "runs": [{"steps": [0, 1, 2]}],
    }
    raw = (tmp_path / "results.json").read_bytes()
    assert "Zürich → 東京".encode("utf-8") in raw  # readable, not escaped
    assert b"\r" not in raw and raw.endswith(b"}\n")


@pytest.mark.parametrize(
    "data, error",
    [
        ({"loss": math.nan}, ValueError),
        ({"loss": -math.inf}, ValueError),
        ({"loss": np.float32("nan")}, ValueError),
        ({"loss": np.array([0.5, np.nan])}, ValueError),
        ({"model": object()}, TypeError),
        ({"z": np.complex128(1j)}, TypeError),
        ({("a", "tuple"): 1}, TypeError),
    ],
)
def test_what_json_cannot_say(tmp_path, data, error):
    target = tmp_path / "results.json"
    target.write_text("before")
    with pytest.raises(error) as caught:
        write_json(target, data)
    assert str(caught.value).startswith(f"cannot write {target}: ")
    assert target.read_text() == "before" and names_in(tmp_path) == [target.name]


# Folders ------------------------------------------------------------------------------------------


def test_a_folder_is_created_with_its_parents_and_left_empty(tmp_path):
    folder = tmp_path / "results" / "seed 0" / "größe"
    assert ensure_writable_folder(str(folder)) == folder
    assert folder.is_dir() and names_in(folder) == []


def test_a_folder_that_exists_keeps_its_files(tmp_path):
    (tmp_path / "notes").write_text("text")
    ensure_writable_folder(tmp_path)
    assert names_in(tmp_path) == ["notes"]


@pytest.mark.parametrize("below", [(), ("results",), ("results", "seed 0")])
def test_a_file_in_the_way(tmp_path, below):
    """Holds for root as well, who may write everywhere but under a file."""
    (tmp_path / "notes").write_text("text")
    folder = (tmp_path / "notes").joinpath(*below)
    with pytest.raises(OutputError) as caught:
        ensure_writable_folder(folder)
    assert str(caught.value) == f"cannot write to folder {folder}: {tmp_path / 'notes'} is not a folder"
    assert (tmp_path / "notes").read_text() == "text"


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS, errno.ENOSPC])
@pytest.mark.parametrize("function", ["mkdir", "write_bytes"])
def test_a_folder_that_takes_nothing(tmp_path, monkeypatch, function, number):
    folder = tmp_path / "results"

    def refuse(path, *arguments, **options):
        if function == "write_bytes":
            path.touch()  # a full disk may still create the file
        raise OSError(number, os.strerror(number), str(path))

    monkeypatch.setattr(files.Path, function, refuse)
    with pytest.raises(OutputError) as caught:
        ensure_writable_folder(folder)
    monkeypatch.undo()
    assert str(caught.value) == f"cannot write to folder {folder}: {os.strerror(number)}"
    assert not folder.exists() or names_in(folder) == []


@needs_no_root
def test_a_folder_without_permission(tmp_path):
    (tmp_path / "locked").mkdir(mode=0o500)
    for folder in (tmp_path / "locked", tmp_path / "locked" / "results"):
        with pytest.raises(OutputError, match=os.strerror(errno.EACCES)):
            ensure_writable_folder(folder)
    (tmp_path / "locked").chmod(0o000)
    with pytest.raises(OutputError, match=os.strerror(errno.EACCES)):
        write_text(tmp_path / "locked" / "file", "text")


def test_a_path_that_cannot_be(tmp_path):
    with pytest.raises(OutputError, match="cannot write to folder"):
        ensure_writable_folder(str(tmp_path / "nu\0ll"))


def test_interrupted_while_probing(tmp_path, monkeypatch):
    def interrupt(path, data):
        path.touch()
        raise KeyboardInterrupt

    monkeypatch.setattr(files.Path, "write_bytes", interrupt)
    with pytest.raises(KeyboardInterrupt):
        ensure_writable_folder(tmp_path)
    assert names_in(tmp_path) == []


def test_output_error_is_an_os_error_of_one_line(tmp_path):
    with pytest.raises(OSError) as caught:
        write_text(tmp_path / "gone" / "file", "text")
    assert isinstance(caught.value, OutputError) and "\n" not in str(caught.value)
    assert isinstance(caught.value.__cause__, FileNotFoundError)


# Locks and leftovers ------------------------------------------------------------------------------


HOLD = """
import sys, time
from minicluster.files import locked_folder
with locked_folder(sys.argv[1]):
    print("locked", flush=True)
    time.sleep(60)
"""


@contextlib.contextmanager
def another_run(folder):
    """A process that holds the lock of a folder."""
    root = str(Path(files.__file__).parents[1])
    command = [sys.executable, "-c", HOLD, str(folder)]
    environment = {**os.environ, "PYTHONPATH": root}
    with subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8", env=environment) as process:
        try:
            assert process.stdout.readline() == "locked\n"
            yield process
        finally:
            process.kill()


def test_a_lock_leaves_nothing_and_can_be_taken_again(tmp_path):
    for _ in range(3):
        with locked_folder(tmp_path):
            assert names_in(tmp_path) == [".minicluster.lock"]
        assert names_in(tmp_path) == []


def test_the_second_run_says_so_and_the_first_keeps_the_lock(tmp_path):
    with another_run(tmp_path) as process:
        for _ in range(2):
            with pytest.raises(OutputError) as caught:
                with locked_folder(tmp_path):
                    pytest.fail("it is locked")
            message = f"another run is writing to folder {tmp_path} (process {process.pid}), expected one at a time"
            assert str(caught.value).startswith(message)
        assert process.poll() is None and names_in(tmp_path) == [".minicluster.lock"]


def test_a_lock_that_a_killed_run_has_left_does_not_block(tmp_path):
    with another_run(tmp_path) as process:
        process.kill()
        process.wait()
        assert names_in(tmp_path) == [".minicluster.lock"]
        with locked_folder(tmp_path):
            pass
    assert names_in(tmp_path) == []


def test_in_one_process_too_a_folder_is_locked_once(tmp_path):
    with locked_folder(tmp_path):
        with pytest.raises(OutputError, match=f"process {os.getpid()}"):
            with locked_folder(tmp_path):
                pytest.fail("it is locked")


def test_a_lock_is_not_taken_on_a_file_that_its_holder_has_just_deleted(tmp_path, monkeypatch):
    """Between opening the file and locking it, the run before ends and deletes it: we would hold a lock on nothing."""
    locked = []

    def lock(file, really=files._lock):
        if not locked:
            (tmp_path / ".minicluster.lock").unlink()
        locked.append(file)
        really(file)

    monkeypatch.setattr(files, "_lock", lock)
    with locked_folder(tmp_path):
        assert len(locked) == 2 and names_in(tmp_path) == [".minicluster.lock"]


def test_a_file_system_without_locks_has_none(tmp_path, monkeypatch):
    def refuse(file):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(files, "_lock", refuse)
    with locked_folder(tmp_path):
        write_text(tmp_path / "file", "text")
    assert names_in(tmp_path) == ["file"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, Broken])
def test_a_lock_ends_with_its_block_however_that_ends(tmp_path, error):
    with pytest.raises(error):
        with locked_folder(tmp_path):
            raise error
    with locked_folder(tmp_path):
        pass


@needs_movable_folders
def test_the_lock_of_another_folder_is_not_deleted(tmp_path):
    """A folder is moved away while we hold its lock, and another run begins in a new one."""
    folder = tmp_path / "results"
    folder.mkdir()
    with locked_folder(folder):
        folder.rename(tmp_path / "moved")
        folder.mkdir()
        (folder / ".minicluster.lock").write_text("of the other run")
    assert names_in(folder) == [".minicluster.lock"]


def test_a_table_is_written_as_comma_separated_values(tmp_path):
    rows = [(1, "a, b", None, 0.1), (np.int64(2), 'say "x"', "\u00fc", np.float64(1e-17))]
    write_csv(tmp_path / "table.csv", ("number", "text", "more", "share"), iter(rows))
    raw = (tmp_path / "table.csv").read_bytes()
    assert raw == 'number,text,more,share\n1,"a, b",,0.1\n2,"say ""x""",\u00fc,1e-17\n'.encode()
    assert names_in(tmp_path) == ["table.csv"]


@pytest.mark.parametrize("row", [(1,), (1, 2, 3)])
def test_a_row_of_another_length_than_the_header_is_named_and_nothing_is_written(row, tmp_path):
    write_csv(tmp_path / "table.csv", ("a", "b"), [(0, 0)])
    before = (tmp_path / "table.csv").read_bytes()
    with pytest.raises(ValueError, match=f"a row has {len(row)} cells, expected 2: a, b"):
        write_csv(tmp_path / "table.csv", ("a", "b"), [(1, 2), row])
    assert (tmp_path / "table.csv").read_bytes() == before and names_in(tmp_path) == ["table.csv"]


def test_a_lock_in_a_folder_that_takes_no_files(tmp_path):
    with pytest.raises(OutputError, match="cannot write to folder"):
        with locked_folder(tmp_path / "gone"):
            pytest.fail("there is no folder")


def test_leftovers_of_these_files_and_of_no_others_are_deleted(tmp_path):
    def leave(path):
        """As a process that is killed in the middle leaves it."""
        writing = whole_file(path)
        writing.__enter__().write(b"half")
        left.append(writing)

    left = []
    for name in ("results.json", "other.json", "n" * 100):
        leave(tmp_path / name)
    before = names_in(tmp_path)
    assert len(before) == 3
    remove_leftovers([tmp_path / "results.json", tmp_path / ("n" * 100)])
    (kept,) = names_in(tmp_path)
    assert kept in before
    remove_leftovers([tmp_path / "other.json", tmp_path / "gone" / "x"])
    assert names_in(tmp_path) == []


def test_every_file_is_written_here():
    """No other module opens files for writing, or has NumPy, json, pathlib or matplotlib do so.

    Numba's cache, which Numba writes, is tried by jit.py with a file of its own; pictures are drawn into memory.
    """
    package = Path(files.__file__).parent
    places = [*package.rglob("*.py"), *(Path(__file__).parents[1] / "lessons").glob("*.py")]
    writers = {"write_text", "write_bytes", "savefig", "save", "savez", "savez_compressed", "savetxt", "dump", "tofile"}
    allowed = {
        ("jit.py", "write_bytes"),  # the probe of the cache's folder
        ("picture.py", "savefig"),  # into memory
        ("archive.py", "savez"),  # into whole_file
        ("export.py", "savez"),  # into whole_file
        ("worker.py", "write_text"),  # what its starter reads, who minds half a file
    }
    found = set()
    for place in places:
        if place == Path(files.__file__):
            continue
        for node in ast.walk(ast.parse(place.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in writers:
                owner = node.func.value
                ours = node.func.attr == "save" and not (isinstance(owner, ast.Name) and owner.id in ("np", "numpy"))
                if not ours:
                    found.add((place.name, node.func.attr))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "open":
                modes = [ast.unparse(argument) for argument in node.args[1:2]]
                modes += [ast.unparse(keyword.value) for keyword in node.keywords if keyword.arg == "mode"]
                if any(letter in mode for mode in modes for letter in "wax+"):
                    found.add((place.name, "open"))
    assert found == allowed
