"""A file is read back as it was written, or one line says which entry is not."""

import errno
import json
import os
import pickle
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicluster.files import OutputError
from minicluster.training import archive
from minicluster.training.archive import CheckpointError, read_archive, write_archive

ARRAYS = {
    "parameters/wte.weight": np.arange(12, dtype=np.float32).reshape(3, 4),
    "batches/waiting": np.array([3, 1, 2]),
    "empty": np.zeros((0, 5)),
    "one": np.float64(0.1),
    "text": np.array(["Zürich", "東京"]),
}
CONTENT = {"step": 7, "place": "Zürich → 東京", "generator": {"state": 2**127 + 1}, "loss": 0.1, "none": None}


@pytest.fixture
def path(tmp_path):
    write_archive(tmp_path / "checkpoint.npz", CONTENT, ARRAYS)
    return tmp_path / "checkpoint.npz"


def rewritten(path, change):
    """Write the file again as another program would, with `change(entries)` made."""
    with np.load(path) as file:
        entries = {name: file[name] for name in file.files}
    change(entries)
    with open(path, "wb") as file:
        np.savez(file, **entries)
    return path


def with_header(entries, change, renew_checksum=True):
    """Change the header among the entries, and its checksum."""
    header = json.loads(entries["header"].tobytes())
    change(header)
    data = json.dumps(header).encode("utf-8")
    entries["header"] = np.frombuffer(data, np.uint8)
    if renew_checksum:
        entries["header_sha256"] = np.frombuffer(archive._checksum(data).encode("ascii"), np.uint8)


def complaint(path):
    with pytest.raises(CheckpointError) as caught:
        read_archive(path)
    message = str(caught.value)
    assert "\n" not in message and str(path) in message
    return message.replace(str(path), "FILE")


def test_what_is_written_is_read(path):
    found = read_archive(path)
    assert found.content == CONTENT
    assert found.arrays.keys() == ARRAYS.keys() == found.entries.keys()
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(found.arrays[name], array)
        assert found.arrays[name].dtype == array.dtype and found.arrays[name].shape == np.shape(array)


def test_any_program_can_read_it(path):
    with np.load(path) as file:  # which refuses pickles unless told otherwise
        np.testing.assert_array_equal(file["parameters/wte.weight"], ARRAYS["parameters/wte.weight"])
        header = json.loads(file["header"].tobytes())
    assert (header["format"], header["version"], header["content"]) == ("minicluster checkpoint", 1, CONTENT)
    assert header["entries"]["batches/waiting"]["shape"] == [3]


@given(data=st.data())
def test_a_changed_byte_is_noticed_or_changes_nothing(data, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "changed.npz"
    write_archive(path, CONTENT, ARRAYS)
    content = bytearray(path.read_bytes())
    where = data.draw(st.integers(0, len(content) - 1))
    content[where] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    try:
        found = read_archive(path)
    except CheckpointError as error:
        assert "\n" not in str(error)
        return
    # A zip file holds more than it needs: dates, who made it, every name twice.
    assert found.content == CONTENT and found.arrays.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(found.arrays[name], array)


def test_a_file_that_was_cut_off_is_noticed_wherever(path):
    content = path.read_bytes()
    for length in [0, 1, 21, 22, *range(50, len(content), 97), len(content) - 1]:
        path.write_bytes(content[:length])
        assert complaint(path) == "FILE is no checkpoint, or was cut off: expected an npz file"


def test_files_of_other_programs(path, tmp_path):
    other = tmp_path / "other.npz"
    np.savez(other, weights=np.ones(3))
    assert complaint(other) == "FILE is no checkpoint of minicluster: entry 'header' is missing"
    other.write_text("no npz at all", encoding="utf-8")
    assert complaint(other) == "FILE is no checkpoint, or was cut off: expected an npz file"
    np.savez_compressed(other, **dict(np.load(path)))
    assert complaint(other) == "FILE: entry 'header' is compressed or encrypted, expected it as it is"
    assert complaint(tmp_path / "none.npz") == f"cannot read FILE: {os.strerror(errno.ENOENT)}"
    assert complaint(tmp_path).startswith("cannot read FILE: ")


class Bomb:
    def __reduce__(self):
        return pytest.fail, ("a pickle was opened",)


def test_nothing_is_unpickled(path):
    def change(entries):
        entries["parameters/wte.weight"] = np.array([Bomb()], dtype=object)

    with np.load(path) as file:
        entries = {name: file[name] for name in file.files}
    change(entries)
    with open(path, "wb") as file:
        np.savez(file, allow_pickle=True, **entries)
    assert complaint(path) == "FILE: entry 'parameters/wte.weight' is damaged: holds Python objects"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("header.npy", pickle.dumps(Bomb()))
        file.writestr("header_sha256.npy", pickle.dumps(Bomb()))
    assert complaint(path).startswith("FILE: entry 'header' is damaged: ")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda e: e.pop("one"), "FILE: entry 'one' is missing"),
        (lambda e: e.update(more=np.ones(2)), "FILE: entry 'more' is not expected"),
        (lambda e: e.update(one=np.float32(0.1)), "FILE: entry 'one' has dtype <f4, expected <f8"),
        (lambda e: e.update(empty=np.zeros((1, 5))), "FILE: entry 'empty' has shape (1, 5), expected (0, 5)"),
        (lambda e: e.pop("header"), "FILE is no checkpoint of minicluster: entry 'header' is missing"),
        (lambda e: e.pop("header_sha256"), "FILE is no checkpoint of minicluster: entry 'header_sha256' is missing"),
        (lambda e: e.update(header=np.ones(3)), "FILE: entry 'header' is not the JSON of a checkpoint"),
        (
            lambda e: e.update({"parameters/wte.weight": np.asfortranarray(e["parameters/wte.weight"])}),
            "FILE: entry 'parameters/wte.weight' is damaged: stored column by column",
        ),
        (
            lambda e: with_header(e, lambda h: h.update(version=2)),
            "FILE: format version = 2, expected 1: a later minicluster wrote it",
        ),
        (lambda e: with_header(e, lambda h: h.update(version=0)), "FILE: format version = 0, expected 1"),
        (lambda e: with_header(e, lambda h: h.update(version="x")), "FILE: format version = x, expected 1"),
        (lambda e: with_header(e, lambda h: h.update(format="zoo")), "FILE: format = zoo, expected 'minicluster ch"),
        (lambda e: with_header(e, lambda h: h.pop("version")), "FILE: entry 'header' is not the JSON of a checkpoint"),
        (lambda e: with_header(e, lambda h: h.pop("entries")), "FILE: entry 'header' is not the JSON of a checkpoint"),
        (lambda e: with_header(e, lambda h: h.pop("content")), "FILE: entry 'header' is not the JSON of a checkpoint"),
        (lambda e: with_header(e, lambda h: h.update(entries=[])), "FILE: entry 'header' is not the JSON of a"),
        (lambda e: with_header(e, lambda h: h["entries"].update(one=3)), "FILE: entry 'header' is not the JSON of a"),
        (lambda e: with_header(e, lambda h: h["entries"].update(one={})), "FILE: entry 'header' is not the JSON of a"),
    ],
)
def test_a_file_that_was_edited(path, change, message):
    rewritten(path, change)
    before = path.read_bytes()
    assert complaint(path).startswith(message)
    assert path.read_bytes() == before


def test_edited_numbers_and_an_edited_header_have_another_checksum(path):
    def nudge(entries):
        entries["parameters/wte.weight"] = entries["parameters/wte.weight"] + np.float32(1e-3)

    rewritten(path, nudge)
    message = complaint(path)
    assert message.startswith("FILE: entry 'parameters/wte.weight' has checksum ") and "it was changed" in message
    write_archive(path, CONTENT, ARRAYS)
    rewritten(path, lambda e: with_header(e, lambda h: h["content"].update(step=8), renew_checksum=False))
    message = complaint(path)
    assert message.startswith("FILE: entry 'header' has checksum ") and "it was changed" in message


def test_a_shape_beyond_all_memory_is_only_a_damaged_entry(path):
    rewritten(path, lambda entries: entries.pop("parameters/wte.weight"))
    with zipfile.ZipFile(path, "a") as file:
        header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (1099511627776, 1048576), }".ljust(117) + b"\n"
        file.writestr("parameters/wte.weight.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)
    assert complaint(path).startswith("FILE: entry 'parameters/wte.weight' is damaged: shape (1099511627776, 1048576)")


def test_the_file_before_is_kept_until_the_new_one_was_read_again(path, monkeypatch):
    before = path.read_bytes()
    really = np.savez

    def flip_a_bit(file, **entries):
        really(file, **entries)
        file.seek(-300, os.SEEK_END)
        byte = file.read(1)[0]
        file.seek(-300, os.SEEK_END)
        file.write(bytes([byte ^ 8]))

    def lose_the_end(file, **entries):
        really(file, **entries)
        file.truncate(file.tell() // 2)

    for fault in (flip_a_bit, lose_the_end):
        monkeypatch.setattr(archive.np, "savez", fault)
        with pytest.raises(CheckpointError):
            write_archive(path, {}, {"x": np.arange(1000)})
        assert path.read_bytes() == before and len(list(path.parent.iterdir())) == 1


def test_a_full_disk_leaves_the_file_before(path, monkeypatch):
    before = path.read_bytes()

    def full(file, **entries):
        file.write(b"PK")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(archive.np, "savez", full)
    with pytest.raises(OutputError, match=os.strerror(errno.ENOSPC)):
        write_archive(path, {}, {})
    assert path.read_bytes() == before and len(list(path.parent.iterdir())) == 1


def test_columns_and_strides_are_written_as_rows(tmp_path):
    x = np.arange(12).reshape(3, 4)
    write_archive(tmp_path / "x.npz", {}, {"columns": np.asfortranarray(x), "every second": x[:, ::2]})
    found = read_archive(tmp_path / "x.npz").arrays
    np.testing.assert_array_equal(found["columns"], x)
    np.testing.assert_array_equal(found["every second"], x[:, ::2])
