"""What is in a checkpoint, as text."""

from pathlib import Path

from .archive import VERSION, read_archive
from .checkpoint import load_checkpoint

LABEL_WIDTH = 12
SHOWN_DIGITS = 16  # of a checksum
SETTINGS_A_LINE = 6
MEGABYTE = 1e6


def describe_checkpoint(path):
    """Return several lines that say what is in a checkpoint, every entry of it checked.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    str

    Raises
    ------
    CheckpointError
        See `load_checkpoint`.
    """
    checkpoint, entries = load_checkpoint(path), read_archive(path).entries
    size = Path(path).stat().st_size / MEGABYTE
    state = "finished" if checkpoint.finished else "training"
    steps = f"step {checkpoint.step} of {checkpoint.config.get('steps', 'unknown')}"
    loss = "" if checkpoint.loss is None else f", loss {checkpoint.loss:.4g}"
    lines = [
        f"{path}: checkpoint, format {VERSION}, {size:.1f} MB, every entry as it was written",
        _line("state", f"{state}, {steps}{loss}"),
        _line("settings", *_in_pieces([f"{name} {value}" for name, value in checkpoint.config.items()])),
    ]
    if checkpoint.recordings:
        lines.append(_line("recorded", "at steps " + ", ".join(str(r.step) for r in checkpoint.recordings)))
    if checkpoint.finished:
        lines.append(_line("results", ", ".join(checkpoint.results)))
    written_by = [f"{name} {value}" for name, value in checkpoint.environment.items() if name != "threads"]
    written_by += [f"{name}={value}" for name, value in checkpoint.environment.get("threads", {}).items()]
    lines.append(_line("written by", *_in_pieces(written_by)))
    width = max(map(len, entries), default=0)
    lines += ["", f"{'entry':{width}}  {'dtype':7}{'shape':22}sha256"]
    for name, entry in entries.items():
        shape = str(tuple(entry["shape"]))
        lines.append(f"{name:{width}}  {entry['dtype']:7}{shape:22}{entry['sha256'][:SHOWN_DIGITS]}...")
    return "\n".join(lines)


def _in_pieces(words):
    return [", ".join(words[i : i + SETTINGS_A_LINE]) for i in range(0, len(words), SETTINGS_A_LINE)] or ["unknown"]


def _line(label, *texts):
    return f"\n{'':{LABEL_WIDTH}}".join([f"{label:{LABEL_WIDTH}}{texts[0]}", *texts[1:]])
