"""A file of named arrays that notices when it was cut off, changed, or is not ours. NumPy's npz, nothing is pickled.

Any program that reads npz reads it: each entry is an array, and the entry "header" holds UTF-8 JSON as bytes,
`json.loads(numpy.load(path)["header"].tobytes())`: format, version, whatever the writer wants to say ("content"), and
for each other entry dtype, shape and SHA-256 checksum. The entry "header_sha256" is the checksum of the header.
"""

import hashlib
import io
import json
import struct
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..files import whole_file

FORMAT, VERSION = "minicluster checkpoint", 1
HEADER, HEADER_CHECKSUM = "header", "header_sha256"
ENTRY = {"dtype", "shape", "sha256"}  # what the header says of each other entry
SUFFIX = ".npy"  # of an entry's name within the file
SHOWN_DIGITS = 12  # of a checksum in a message


class CheckpointError(ValueError):
    """A file is no checkpoint that can be used; the message is one line that names file, entry and what is wrong."""


@dataclass(frozen=True)
class Archive:
    """What a file holds.

    Attributes
    ----------
    content : dict
        Plain JSON.
    arrays : dict from str to array
        They can't be written to.
    entries : dict from str to dict
        `dtype`, `shape` and `sha256` of each array.
    """

    content: dict
    arrays: dict
    entries: dict


def write_archive(path, content, arrays):
    """Write arrays and JSON into one file, whole or not at all.

    The file before it is replaced when the new one has been read again and found right.

    Parameters
    ----------
    path : str or Path
    content : dict
        What JSON can say.
    arrays : dict from str to array
        Of numbers; names without "header".

    Raises
    ------
    OutputError
        If the file can't be written.
    """
    arrays = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    entries = {
        name: {"dtype": array.dtype.str, "shape": list(array.shape), "sha256": _checksum(array)}
        for name, array in arrays.items()
    }
    header = {"format": FORMAT, "version": VERSION, "content": content, "entries": entries}
    header = np.frombuffer(json.dumps(header, allow_nan=False).encode("utf-8"), np.uint8)
    checksum = np.frombuffer(_checksum(header).encode("ascii"), np.uint8)
    with whole_file(path, "w+b") as file:
        np.savez(file, **{HEADER: header, HEADER_CHECKSUM: checksum}, **arrays)
        file.flush()
        file.seek(0)
        _read(file, path)


def read_archive(path):
    """Read a file of `write_archive`, and check all of it.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    Archive

    Raises
    ------
    CheckpointError
        If it can't be read, is of another program or of a later version, was cut off or changed.
    """
    try:
        with open(Path(path), "rb") as file:
            return _read(file, path)
    except OSError as error:
        raise CheckpointError(f"cannot read {path}: {error.strerror or error}") from error


def _read(file, path):
    try:
        archive = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, struct.error, ValueError, NotImplementedError) as error:
        raise CheckpointError(f"{path} is no checkpoint, or was cut off: expected an npz file") from error
    with archive:
        members = {info.filename.removesuffix(SUFFIX): info for info in archive.infolist()}
        header = _header(archive, members, path)
        entries = header["entries"]
        for name in sorted(entries.keys() ^ (members.keys() - {HEADER, HEADER_CHECKSUM})):
            raise CheckpointError(f"{path}: entry {name!r} is {'missing' if name in entries else 'not expected'}")
        arrays = {}
        for name, expected in entries.items():
            array = _entry(archive, members[name], name, path)
            found = {"dtype": array.dtype.str, "shape": list(array.shape), "sha256": _checksum(array)}
            for what, value in expected.items():
                if found[what] != value:
                    raise CheckpointError(
                        f"{path}: entry {name!r} has {_words(what)} {_short(found[what])}, expected {_short(value)}"
                        + (": it was changed" if what == "sha256" else "")
                    )
            arrays[name] = array
    return Archive(header["content"], arrays, entries)


def _header(archive, members, path):
    """Return the header as a dict, its form and version checked."""
    for name in (HEADER, HEADER_CHECKSUM):
        if name not in members:
            raise CheckpointError(f"{path} is no checkpoint of minicluster: entry {name!r} is missing")
    data = _entry(archive, members[HEADER], HEADER, path).tobytes()
    try:
        header = json.loads(data)
        format, version = header["format"], header["version"]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise CheckpointError(f"{path}: entry {HEADER!r} is not the JSON of a checkpoint") from error
    if format != FORMAT:
        raise CheckpointError(f"{path}: format = {_short(format)}, expected {FORMAT!r}")
    if version != VERSION:
        later = ": a later minicluster wrote it" if isinstance(version, int) and version > VERSION else ""
        raise CheckpointError(f"{path}: format version = {_short(version)}, expected {VERSION}{later}")
    checksum = _checksum(data)
    expected = _entry(archive, members[HEADER_CHECKSUM], HEADER_CHECKSUM, path).tobytes().decode("ascii", "replace")
    if checksum != expected:
        raise CheckpointError(
            f"{path}: entry {HEADER!r} has checksum {_short(checksum)}, expected {_short(expected)}: it was changed"
        )
    described = header.get("entries"), header.get("content")
    if not all(isinstance(part, dict) for part in described) or not all(
        isinstance(entry, dict) and entry.keys() == ENTRY for entry in header["entries"].values()
    ):
        raise CheckpointError(f"{path}: entry {HEADER!r} is not the JSON of a checkpoint")
    return header


def _entry(archive, info, name, path):
    """Return an entry as an array. (np.load takes three times as long: it copies by small pieces.)"""
    if info.compress_type != zipfile.ZIP_STORED or info.flag_bits & 1:
        # Then no entry can be larger than the file.
        raise CheckpointError(f"{path}: entry {name!r} is compressed or encrypted, expected it as it is")
    problems = (
        OSError, ValueError, TypeError, KeyError, EOFError, struct.error, SyntaxError, MemoryError, RecursionError,
        OverflowError, zipfile.BadZipFile, NotImplementedError, RuntimeError,
    )  # fmt: skip
    try:
        data = archive.read(info)
        stream = io.BytesIO(data)
        if np.lib.format.read_magic(stream) != (1, 0):
            raise ValueError("not the first version of the npy format")
        shape, by_columns, dtype = np.lib.format.read_array_header_1_0(stream)
        if by_columns and len(shape) > 1:
            raise ValueError("stored column by column")
        if dtype.hasobject or dtype.itemsize == 0:
            raise ValueError("holds Python objects")
        if dtype.itemsize * int(np.prod(shape, dtype=object)) != len(data) - stream.tell():
            raise ValueError(f"shape {shape} does not fit its {len(data) - stream.tell()} bytes")
        return np.frombuffer(data, dtype, offset=stream.tell()).reshape(shape)
    except problems as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise CheckpointError(f"{path}: entry {name!r} is damaged: {reason}") from error


def _checksum(data):
    return hashlib.sha256(data).hexdigest()


def _words(what):
    return {"sha256": "checksum"}.get(what, what)


def _short(value):
    if isinstance(value, list):
        return str(tuple(value))
    text = str(value)
    return text if len(text) <= SHOWN_DIGITS else f"{text[:SHOWN_DIGITS]}..."
