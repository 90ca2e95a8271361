"""Results in, plain text out: tables of at most 100 columns."""

import textwrap

from .cluster_parts import quality_lines
from .seed_parts import seed_lines

COLUMNS = 100
WIDEST_CELL = 13
MARGIN = 34  # of tables with a column for each rival
LABEL = 24  # columns of a row's label
CASE = 48  # and of a case of clusters
BUSY = 1.3  # median over fastest call; on an idle machine it is 1.1 or less
REFERENCES = {"torch": "PyTorch's", "numpy": "NumPy's"}


def rungs(results):
    """Return the ladder as `plots.draw_rungs` takes it: products on one core, on all cores, and the MLP.

    Parameters
    ----------
    results : dict
        From `bench`.

    Returns
    -------
    list of dict
    """
    every = results["threads"]
    groups = [
        ("x @ weight, one core", [rung for rung in results["ladder"] if rung["threads"] == 1]),
        ("x @ weight, all cores", [rung for rung in results["ladder"] if rung["threads"] > 1]),
        ("the forward of a whole MLP", results["mlp"]),
    ]
    shown, number = [], 0
    for group, found in groups:
        for rung in found:
            library = next((name for name in ("NumPy", "PyTorch") if name in rung["label"]), None)
            number += library is None
            shown.append(
                {
                    "group": group,
                    "name": rung["label"],
                    "number": None if library else number,
                    "kind": library or ("all cores" if rung["threads"] == every > 1 else "one core"),
                    "gflops": rung["gflops"],
                }
            )
    return shown


def text(results):
    """Return what `bench` has found as text.

    Parameters
    ----------
    results : dict
        From `bench`.

    Returns
    -------
    str
        Lines without a last line end.
    """
    sections = [_wrapped(_machine(results)), _wrapped(_complaints(results))]
    if "ladder" in results:
        sections.append(_ladder(results))
    if "layers" in results:
        sections.append(_layers(results))
    if "steps" in results:
        sections.append(_steps(results))
    if results.get("growth"):
        sections.append(_growth(results))
    if "clusters" in results:
        sections.append(_clusters(results))
    if "seeds" in results:
        sections.append(seed_lines(results))
    return "\n\n".join("\n".join(line.rstrip() for line in lines) for lines in sections if lines)


def _wrapped(lines):
    return [part for line in lines for part in textwrap.wrap(line, COLUMNS, subsequent_indent=" " * LABEL) or [""]]


def _machine(results):
    machine, rivals = results["machine"], results["rivals"]
    plural = "" if results["threads"] == 1 else "s"
    lines = [
        f"{machine['processor']} ({machine['architecture']}), {machine['usable_cores']} of {machine['cores']} cores "
        f"usable, {machine['system']}, Python {machine['python']}",
        f"every rival on {results['threads']} thread{plural}, float32, medians of {results['rounds']} rounds",
        "",
    ]
    for rival in rivals.values():
        lines.append(f"{rival['label']:{LABEL}}{_about(rival)}")
    variables = {name: f"{name}={value}" for name, value in results["variables"]["bending"].items()}
    lines += ["", f"variables that bend speed: {', '.join(variables.values()) or 'none is set'}"]
    if any(name.endswith("_unset") for name in rivals):
        lines.append("'as set' is measured with these variables, 'unset' without them")
    threads = results["variables"]["threads"]
    if threads:
        each = ", ".join(f"{name}={value}" for name, value in threads.items())
        lines.append(f"thread counts that your environment sets, not obeyed here: {each}")
    return lines


def _about(rival):
    if "blas" in rival:
        blas = rival["blas"]
        core = f" for {blas['core']}" if blas["core"] else ""
        threads = "" if blas["threads"] is None else f", {blas['threads']} threads"
        return f"{rival['version']}, {blas['name']} {blas['version']}{core}{threads}".replace(" 1 threads", " 1 thread")
    if "llvm" in rival:
        sets = " ".join(rival["instruction_sets"][-3:])
        return (
            f"{rival['version']}, {rival['cpu']} ({sets}), vectors of {rival['vector_bytes']} bytes, "
            f"{rival['threads']} {rival['threading_layer']} thread{'' if rival['threads'] == 1 else 's'}"
        )
    return f"{rival['version']}, {rival.get('vectors')}, {'MKL' if rival.get('mkl') else 'no MKL'}"


def _complaints(results):
    left_out = [f"left out: {label}: {reason}" for label, reason in results["left_out"].items()]
    return left_out + [f"WRONG: {line}" for line in results["disagreements"]]


def _ladder(results):
    peak, every = results["peak"], results["threads"]
    lines = []
    if peak:
        more = f", {_digits(peak['all_threads'])} on {every}" if every > 1 else ""
        lines.append(f"measured peak: {_digits(peak['one_thread'])} GFLOP/s on one thread{more}")
    for part, title in (("ladder", "matrix product (M, K, N)"), ("mlp", "MLP forward (M, C, F)")):
        lines += ["", f"{title:{LABEL}}{'threads':>9}{'shape':>18}{'ms':>10}{'GFLOP/s':>10}{'of peak':>9}"]
        for rung in results[part]:
            share = "" if rung["share_of_peak"] is None else f"{rung['share_of_peak']:.1%}"
            shape = " x ".join(map(str, rung["shape"]))
            lines.append(
                f"{rung['label']:{LABEL}}{rung['threads']:>9}{shape:>18}{_digits(rung['median_ms']):>10}"
                f"{_digits(rung['gflops']):>10}{share:>9}"
            )
    if any((rung["share_of_peak"] or 0) > 1 for rung in results["ladder"]):
        lines += ["", "More than the peak: something else kept the cores busy while the peak was measured."]
    return lines if peak else lines[1:]


def _layers(results):
    rivals = _timed(results["layers"])
    lines = ["layers, GFLOP/s (attention: forward and backward, work on visible keys only)"]
    lines += _heading(results, rivals, f"{'':4}{'what':12}{'shape':18}")
    for row in results["layers"]:
        shape = " x ".join(map(str, row["shape"]))
        cells = [_digits(row["times"][name]["gflops"]) if name in row["times"] else "-" for name in rivals]
        lines.append(f"{row['size']:4}{row['what']:12}{shape:18}" + _cells(cells))
    return lines


def _steps(results):
    rivals, reference = _timed(results["steps"]), results["reference"]
    lines = ["training step: forward, backward, clipping, AdamW"]
    for row in results["steps"]:
        config = row["config"]
        lines.append(
            f"  {row['size']}: width {config['width']}, {config['layers']} layers, {config['heads']} heads, "
            f"T {config['tokens']}, batch {config['batch']}, vocabulary {config['vocabulary']}; "
            f"{row['gflop']:.3g} GFLOP"
        )
    figures = [
        ("ms, median", lambda times, _: _digits(times["median_ms"])),
        ("ms, fastest", lambda times, _: _digits(times["fastest_ms"])),
        ("tokens a second", lambda times, _: f"{times['tokens_per_second']:,.0f}"),
        ("GFLOP/s", lambda times, _: _digits(times["gflops"])),
    ]
    if reference:
        whose = REFERENCES[reference.removesuffix("_unset")]
        for label, key in ((f"time over {whose}, median", "median_ms"), (f"time over {whose}, fastest", "fastest_ms")):
            figures.append((label, lambda times, other, key=key: f"{times[key] / other[key]:.2f}"))
    lines += _heading(results, rivals, " " * MARGIN)
    for row in results["steps"]:
        for number, (label, figure) in enumerate(figures):
            other = row["times"].get(reference)
            known = other is not None or not label.startswith("time over")
            cells = [figure(row["times"][name], other) if name in row["times"] and known else "-" for name in rivals]
            lines.append(f"{row['size'] if number == 0 else '':4}{label:30}" + _cells(cells))
    spread = max(
        (t["median_ms"] / t["fastest_ms"] for row in results["steps"] for t in row["times"].values()), default=1
    )
    if spread > BUSY:
        lines.append(f"Medians up to {spread:.1f} times the fastest call: something else keeps the cores busy.")
    return lines


def _growth(results):
    growth = results["growth"]
    label, config = results["rivals"][growth["rival"]]["label"], growth["config"]
    lines = [
        f"how a step's time grows ({label}; otherwise width {config['width']}, {config['layers']} layers, "
        f"T {config['tokens']}, batch {config['batch']})"
    ]
    for name, title in (("tokens", "T"), ("width", "width"), ("layers", "layers"), ("threads", "threads")):
        points = growth[name]
        lines.append(f"  {title:20}" + "".join(f"{point['value']:>12}" for point in points))
        lines.append(f"  {'ms':20}" + "".join(f"{_digits(point['median_ms']):>12}" for point in points))
        lines.append(f"  {'tokens a second':20}" + "".join(f"{point['tokens_per_second']:>12,.0f}" for point in points))
    return lines


def _clusters(results):
    found = results["clusters"]
    rivals = _timed(found["cases"])
    # scikit-learn at its best is what ours is compared with.
    reference = next((name for name in ("sklearn_unset", "sklearn") if name in rivals), None)
    lines = ["clusters, ms (float64; ours with the kernels)", *_heading(results, rivals, " " * CASE)]
    if reference and "numba" in rivals:
        lines[1] += f"{'ratio':>8}"
    for row in found["cases"]:
        cells = [_digits(row["times"][name]["median_ms"]) if name in row["times"] else "-" for name in rivals]
        line = f"{row['what']:{CASE}}" + _cells(cells)
        if reference in row["times"] and "numba" in row["times"]:
            line += f"{row['times']['numba']['median_ms'] / row['times'][reference]['median_ms']:8.2f}"
        lines.append(line)
    lines += quality_lines(found["quality"])
    for what, points in found["growth"].items():
        lines.append(f"  {what:{CASE}}" + "".join(f"{point['value']:>10,}" for point in points))
        lines.append(f"  {'ms':{CASE}}" + "".join(f"{_digits(point['median_ms']):>10}" for point in points))
    return lines


def _timed(rows):
    """The rivals that have times in some row, in their order."""
    return list(dict.fromkeys(name for row in rows for name in row["times"]))


def _heading(results, rivals, first):
    """The columns' headings on two lines: "NumPy, as set" is "NumPy" above "as set"."""
    labels = [results["rivals"][name]["label"].partition(", ") for name in rivals]
    lines = [first + _cells([label for label, _, _ in labels])]
    more = " " * len(first) + _cells([label for _, _, label in labels])
    return lines + [more] * bool(more.strip())


def _cells(texts):
    """The columns to the right of the first, MARGIN wide: narrower ones if there are many."""
    width = min(WIDEST_CELL, (COLUMNS - MARGIN) // len(texts))
    return "".join(f"{text:>{width}}" for text in texts)


def _digits(number):
    """Three digits, without an exponent."""
    return f"{number:,.0f}" if number >= 100 else f"{number:.1f}" if number >= 10 else f"{number:.3g}"
