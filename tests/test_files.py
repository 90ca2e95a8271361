"""Whatever goes wrong while a file is written, the file from before survives and nothing else is left behind."""

import contextlib
import errno
import json
import math
import os
import stat

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
from minicluster.files import OutputError, ensure_writable_folder, whole_file, write_bytes, write_json, write_text


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
    for mode in ("r", "a", "w+", "x"):
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
