"""The benchmark's parts: ladder, layers, steps, growth, clusters, seeds. Each takes a Stopwatch and returns results."""

from dataclasses import replace

from .cluster_parts import cluster_turns, clusters
from .contestants import ONE_THREAD
from .seed_parts import seed_turns, seeds
from .timing import GIGA

LAYOUTS = ("x @ W", "dy @ W.T", "x.T @ dy")
PYTHON_EDGE = 64  # of the square matrices that plain Python multiplies: that takes it 20 ms
NAIVE_ROWS = 128  # of the compiled naive loop's: with all rows it would take half a second or more
WIDENING = 4  # F / C

__all__ = ["clusters", "growth", "ladder", "layers", "seeds", "steps", "turns"]


def turns(plan, parts, rivals):
    """How many turns of a rival `parts` take, for the progress line."""
    contestants = len([name for name in rivals if name != ONE_THREAD and not name.startswith("sklearn")])
    each = {
        "ladder": 2 * contestants + (ONE_THREAD in rivals) + 1,  # products, MLPs, the peak
        "layers": len(plan.sizes) * contestants,
        "steps": len(plan.sizes) * contestants,
        "growth": len(plan.growth) + 1,
    }
    of_clusters = cluster_turns(plan, rivals) if "clusters" in parts else 0
    of_seeds = seed_turns(plan) if "seeds" in parts else 0
    return plan.rounds * sum(each[part] for part in parts if part in each) + of_clusters + of_seeds


def ladder(stopwatch):
    """From the textbook's matrix product to the machine's peak.

    Returns
    -------
    dict
        `peak`: {one_thread, all_threads}, GFLOP/s of the fastest call, or None if Numba is missing. `ladder`: a list
        of {rung, label, rival, threads, shape, median_ms, fastest_ms, calls, gflops, fastest_gflops, share_of_peak},
        where shape is M, K, N, and the share that of the peak on as many threads. `mlp`: the same for a block's MLP
        forward, shape M, C, F, where GELU, biases and residual take time and are not counted.
    """
    peak, rungs = _peak(stopwatch), _rungs(stopwatch)
    measured = {"ladder": [], "mlp": []}
    by_rival = {name: [rung for rung in rungs if rung["rival"] == name] for name in {rung["rival"] for rung in rungs}}
    for kind, part in (("rung", "ladder"), ("mlp", "mlp")):
        cases = {
            name: [(rung, _product_flops(rung)) for rung in found if rung["kind"] == kind]
            for name, found in by_rival.items()
        }
        times = stopwatch.measure(
            part, {name: found for name, found in cases.items() if found}, stopwatch.plan.layer_seconds
        )
        results = {id(rung): found for name in times for (rung, _), found in zip(cases[name], times[name])}
        for rung in rungs:
            if id(rung) in results:
                found = results[id(rung)]
                top = peak and peak["one_thread" if rung["threads"] == 1 else "all_threads"]
                share = found["gflops"] / top if top else None
                told = {key: value for key, value in rung.items() if key != "kind"}
                measured[part].append({**told, **found, "share_of_peak": share})
    return {"peak": peak, **measured}


def _product_flops(rung):
    M, K, N = rung["shape"]
    return 2 * M * K * N * (2 if rung["kind"] == "mlp" else 1)  # an MLP has two products of this size


def _peak(stopwatch):
    kernels = stopwatch.kernels()
    if kernels is None:
        return None
    flops = stopwatch.workers.ask(kernels, "describe")["flops_of_a_peak_call"]
    one, every = ({"kind": "peak", "threads": 1}, flops), ({"kind": "peak", "threads": None}, flops * stopwatch.threads)
    found = stopwatch.measure("peak", {kernels: [one, every]}, stopwatch.plan.peak_seconds).get(kernels)
    return found and {name: times["fastest_gflops"] for name, times in zip(("one_thread", "all_threads"), found)}


def _rungs(stopwatch):
    """All rungs of the ladder and of the MLP, in the order in which they are shown."""
    plan, every, kernels = stopwatch.plan, stopwatch.threads, stopwatch.kernels()
    labels = {name: rival.label for name, rival in stopwatch.workers.rivals.items()}
    libraries = [name for name in stopwatch.contestants() if not name.startswith("numba")]
    M, K, N = shape = (plan.ladder_rows, plan.ladder_depth, plan.ladder_columns)

    def rung(name, label, threads, rival, shape=shape, kind="rung"):
        return {"kind": kind, "rung": name, "label": label, "rival": rival, "threads": threads, "shape": shape}

    found, mlps = [], []
    if kernels:
        found += [
            rung("naive_python", "naive loops, Python", 1, kernels, (PYTHON_EDGE,) * 3),
            rung("naive", "naive loops, compiled", 1, kernels, (min(M, NAIVE_ROWS), K, N)),
            rung("reordered", "loops reordered", 1, kernels),
            rung("blocked", "blocked 4 x 4", 1, kernels),
        ]
    found += [rung("library", "NumPy", 1, ONE_THREAD)]
    if kernels and every > 1:
        found += [rung("blocked_parallel", "blocked 4 x 4", every, kernels)]
    found += [rung("library", labels[name], every, name) for name in libraries]
    wide = (M, K, WIDENING * K)
    mlps += [rung("library", f"MLP, {labels[name]}", every, name, wide, "mlp") for name in libraries]
    if kernels:
        mlps += [
            rung("in_pieces", "MLP, kernels in pieces", every, kernels, wide, "mlp"),
            rung("fused", "MLP, kernels fused", every, kernels, wide, "mlp"),
        ]
    return [rung for rung in found + mlps if rung["rival"] in labels]


def layers(stopwatch):
    """The products of a layer, and attention, at the steps' sizes.

    Returns
    -------
    dict
        `layers`: a list of {size, what, shape, gflop, times}; what is "x @ W", "dy @ W.T" or "x.T @ dy", with x of
        shape (M, K) and W (K, N), shape = M, K, N, that of an MLP's first layer, or "attention", forward and backward,
        shape = B, T, C; times {rival: as `timing.summary`}.
    """
    results = []
    for letter, size in stopwatch.plan.sizes.items():
        M, K = size.tokens_of_a_step, size.width
        shape = (M, K, WIDENING * K)
        cases = [({"kind": "matmul", "layout": layout, "shape": shape}, 2 * M * K * WIDENING * K) for layout in LAYOUTS]
        cases.append(({"kind": "attention", "size": size.as_dict()}, size.attention_flops()))
        times = stopwatch.measure(
            f"layers {letter}", dict.fromkeys(stopwatch.contestants(), cases), stopwatch.plan.layer_seconds
        )
        for index, (case, flops) in enumerate(cases):
            what = case.get("layout", case["kind"])
            case_shape = case.get("shape", (size.batch, size.tokens, size.width))
            each = {name: found[index] for name, found in times.items()}
            results.append({"size": letter, "what": what, "shape": case_shape, "gflop": flops / GIGA, "times": each})
    return {"layers": results}


def steps(stopwatch):
    """Whole training steps.

    Returns
    -------
    dict
        `steps`: a list of {size, config, tokens, gflop, times}; times {rival: as `timing.summary`, and
        tokens_per_second}.
    """
    results, plan = [], stopwatch.plan
    for letter, size in plan.sizes.items():
        case = ({"kind": "step", "size": size.as_dict()}, size.step_flops())
        times = stopwatch.measure(f"step {letter}", dict.fromkeys(stopwatch.contestants(), [case]), plan.step_seconds)
        each = {name: _with_tokens(found, size) for name, (found,) in times.items()}
        result = {"size": letter, "config": size.as_dict(), "tokens": size.tokens_of_a_step}
        results.append({**result, "gflop": size.step_flops() / GIGA, "times": each})
    return {"steps": results}


def _with_tokens(found, size):
    return {**found, "tokens_per_second": size.tokens_of_a_step / (found["median_ms"] / 1000)}


def growth(stopwatch):
    """How a step's time grows: one of T, width, layers and threads varied at a time.

    Returns
    -------
    dict
        `growth`: {"rival": name, "config": the rest, "tokens", "width", "layers", "threads": a list of {value, as
        `timing.summary`, tokens_per_second} each}; without Numba, {}.
    """
    plan, kernels = stopwatch.plan, stopwatch.kernels()
    if kernels is None:
        return {"growth": {}}
    results = {"rival": kernels, "config": plan.growth_size.as_dict()}
    base = plan.growth_size
    series = {
        name: [(value, replace(base, **{name: value}), None) for value in plan.growth[name]] for name in plan.growth
    }
    series["threads"] = [(count, base, count) for count in _counts(stopwatch.threads)]
    for name, points in series.items():
        cases = [
            ({"kind": "step", "size": size.as_dict(), "threads": threads}, size.step_flops())
            for _, size, threads in points
        ]
        seconds = plan.step_seconds / 2  # there are several
        found = stopwatch.measure(f"growth with {name}", {kernels: cases}, seconds).get(kernels, [])
        results[name] = [
            {"value": value, **_with_tokens(times, size)} for (value, size, _), times in zip(points, found)
        ]
    return {"growth": results}


def _counts(threads):
    """1, 2, 4 and so on, and the number itself."""
    return [count for count in (2**power for power in range(threads.bit_length())) if count < threads] + [threads]
