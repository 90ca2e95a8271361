"""The whole benchmark at tiny sizes, in real workers; what it says, not how fast it is."""

import io
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from matplotlib import pyplot

from minicluster import bench as package
from minicluster import cli, plots
from minicluster.bench import (
    FULL,
    PARTS,
    QUICK,
    Plan,
    Size,
    WorkerFailed,
    bench,
    cluster_parts,
    contestants,
    processes,
    rungs,
    stopwatch,
    text,
)

REPOSITORY = Path(__file__).parents[2]
SMALL = Size(width=8, layers=1, heads=2, tokens=4, batch=2, vocabulary=5)
TINY = Plan(
    {"S": SMALL},
    rounds=2,
    step_seconds=0,
    layer_seconds=0,
    peak_seconds=0,
    pause=0,
    ladder_rows=16,
    ladder_depth=8,
    ladder_columns=32,
    growth={"tokens": (2, 4), "width": (4, 8), "layers": (1, 2)},
    growth_size=SMALL,
    kmeans_sizes=(30, 40),
    cluster_size=50,
    tsne_size=40,
    tsne_iterations=2,
    growing_n=(30, 40),
    growing_k=(2, 3, 5),
    growing_tsne=(35, 40),
    growing_iterations=1,
    quality_sets=0,
)
KERNELS = "numba"
TIMES = {"median_ms", "fastest_ms", "calls", "gflops", "fastest_gflops"}


@pytest.fixture(scope="module", autouse=True)
def few_rivals():
    """NumPy and the kernels; PyTorch is not there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(contestants.importlib.util, "find_spec", lambda name: None)
        for variable in contestants.BENDING["numpy"]:
            patch.delenv(variable, raising=False)
        yield


@pytest.fixture(scope="module")
def results():
    return bench(TINY, threads=1, parts=[part for part in PARTS if part != "seeds"])


@pytest.fixture
def quick_is_tiny(monkeypatch):
    monkeypatch.setattr(package, "QUICK", TINY)


def test_results_have_the_documented_keys_and_are_json(results):
    assert json.loads(json.dumps(results, allow_nan=False))["minicluster"]
    documented = "minicluster date seconds threads rounds machine variables rivals reference left_out disagreements"
    assert results.keys() == {*documented.split(), "peak", "ladder", "mlp", "layers", "steps", "growth", "clusters"}
    assert results["rivals"].keys() == {"numpy", KERNELS}
    assert results["reference"] == "numpy" and results["threads"] == 1 and results["rounds"] == 2
    assert results["left_out"] == {} and results["disagreements"] == []
    assert results["rivals"][KERNELS]["threads"] == 1


def test_the_ladder_begins_with_naive_loops(results):
    assert [rung["rung"] for rung in results["ladder"][:4]] == ["naive_python", "naive", "reordered", "blocked"]
    assert [rung["rung"] for rung in results["mlp"]] == ["library", "in_pieces", "fused"]
    for rung in results["ladder"] + results["mlp"]:
        assert TIMES < rung.keys()
        top = results["peak"]["one_thread"]
        assert rung["share_of_peak"] == rung["gflops"] / top


def test_layers_have_three_layouts_and_attention(results):
    assert [row["what"] for row in results["layers"]] == ["x @ W", "dy @ W.T", "x.T @ dy", "attention"]
    for row in results["layers"]:
        assert row["times"].keys() == {"numpy", KERNELS}
        assert all(times.keys() == TIMES for times in row["times"].values())
    assert results["layers"][0]["shape"] == (8, 8, 32)
    assert results["layers"][0]["gflop"] == 2 * 8 * 8 * 32 / 1e9


def test_steps_and_growth_have_tokens_a_second(results):
    (step,) = results["steps"]
    assert step["tokens"] == 2 * 4
    for times in step["times"].values():
        assert times["tokens_per_second"] == pytest.approx(8 / (times["median_ms"] / 1000), rel=1e-12)  # rounding
    growth = results["growth"]
    assert growth["rival"] == KERNELS
    values = {name: [point["value"] for point in growth[name]] for name in ("tokens", "width", "layers", "threads")}
    assert values == {"tokens": [2, 4], "width": [4, 8], "layers": [1, 2], "threads": [1]}


def test_clusters_are_timed_and_grow(results):
    found = results["clusters"]
    assert [row["what"] for row in found["cases"]] == [
        "k-means, 30 x 64, k = 10, 10 starts",
        "k-means, 40 x 64, k = 10, 10 starts",
        "silhouette, 50 x 64",
        "5 nearest neighbours, 50 x 64",
        "t-SNE, 40 x 64, 2 iterations",
    ]
    assert all(row["times"].keys() == {KERNELS} for row in found["cases"])  # scikit-learn is not there
    values = {what: [point["value"] for point in points] for what, points in found["growth"].items()}
    assert values == {
        "k-means, n": [30, 40],
        "k-means of 40 rows, k": [2, 3, 5],
        "t-SNE, 1 iterations, n": [35, 40],
    }
    assert found["quality"] == {}
    (line,) = [line for line in text(results).splitlines() if line.startswith("silhouette")]
    assert len(line.split()) == 5  # what, its three sizes, and ours


def test_clusters_are_compared_with_scikit_learn(results):
    cases = []
    for row in results["clusters"]["cases"]:
        ours = row["times"][KERNELS]
        cases.append({**row, "times": {KERNELS: ours, "sklearn": {"median_ms": 2 * ours["median_ms"]}}})
    quality = {"best inertia": [1.0, 1.01, 0.99]}
    rivals = {**results["rivals"], "sklearn": {**results["rivals"]["numpy"], "label": "scikit-learn"}}
    told = text({**results, "rivals": rivals, "clusters": {"cases": cases, "quality": quality, "growth": {}}})
    section = told[told.index("clusters, ms") :].splitlines()
    assert section[1].split() == ["Numba", "scikit-learn", "ratio"]
    assert [line.split()[-1] for line in section[2:7]] == ["0.50"] * 5
    assert "best inertia, ours over scikit-learn's: 1.0000 (median of 3; 0.9900 to 1.0100)" in section


def test_quality_is_ours_over_scikit_learns():
    class Workers:
        rivals = {KERNELS: None, "sklearn": None}

        def ask(self, name, request, cases):
            return [(3 if name == KERNELS else 2) * (case["seed"] + 1) for case in cases]

    plan = replace(TINY, quality_sets=4)
    watch = SimpleNamespace(plan=plan, workers=Workers(), kernels=lambda: KERNELS)
    quality = cluster_parts._quality(watch)
    assert quality == {"best inertia": [1.5] * 4, "t-SNE's final divergence": [1.5] * 5}


def test_a_steps_work_is_counted_by_hand():
    # 8 tokens; weights: c_attn 8 x 24, c_proj 8 x 8, MLP twice 8 x 32, head 8 x 5; each takes part in three products
    # of 2 operations an entry and token. Attention: 2 sequences x 10 visible pairs x width 8 x 6 products x 2.
    assert SMALL.step_flops() == 3 * 2 * 8 * (192 + 64 + 512 + 40) + 2 * 10 * 8 * 6 * 2


def test_the_tables_fit_into_100_columns_and_say_all(results):
    shown = text(results)
    assert max(map(len, shown.splitlines())) <= 100
    for word in ("measured peak", "naive loops, Python", "kernels fused", "x.T @ dy", "attention", "time over NumPy's"):
        assert word in shown
    assert "variables that bend speed: none is set" in shown


def test_the_rungs_of_the_figure_are_those_of_the_tables(results):
    shown, found = rungs(results), results["ladder"] + results["mlp"]
    assert [(rung["name"], rung["gflops"]) for rung in shown] == [(rung["label"], rung["gflops"]) for rung in found]
    numbered = [rung for rung in shown if rung["number"] is not None]
    assert [rung["number"] for rung in numbered] == list(range(1, len(numbered) + 1))
    assert {rung["kind"] for rung in numbered} == {"one core"}  # these results are of one thread
    assert all(rung["kind"] in ("NumPy", "PyTorch") for rung in shown if rung["number"] is None)
    picture = plots.draw_rungs(shown, results["peak"]["all_threads"])
    assert all(rung["name"] in picture.alt for rung in shown)
    pyplot.close(picture.figure)


def test_variables_that_bend_blas_are_told_and_measured_without():
    environment = {**os.environ, "OPENBLAS_CORETYPE": "Haswell"}
    found = bench(TINY, 1, ["steps"], environment)
    assert found["variables"]["bending"] == {"OPENBLAS_CORETYPE": "Haswell"}
    assert found["steps"][0]["times"].keys() == {"numpy", "numpy_unset", KERNELS}
    assert found["reference"] == "numpy_unset"
    assert "OPENBLAS_CORETYPE=Haswell" in text(found)


@pytest.mark.parametrize(
    ("module", "reason"),
    [
        ("raise ImportError('libtorch is missing')", "ImportError: libtorch is missing"),
        ("import os; os._exit(3)", "its process ended with exit code 3"),
        ("print('a greeting')", "ImportError: cannot import name 'nn' from 'torch'"),
    ],
)
def test_a_broken_pytorch_is_left_out_in_one_line(module, reason, tmp_path, monkeypatch):
    (tmp_path / "torch.py").write_text(module, encoding="utf-8")
    monkeypatch.setattr(contestants.importlib.util, "find_spec", lambda name: object())
    found = bench(TINY, 1, ["steps"], {**os.environ, "PYTHONPATH": str(tmp_path)})
    assert found["left_out"].keys() == {"PyTorch"}
    assert found["left_out"]["PyTorch"].startswith(reason)
    assert found["steps"][0]["times"].keys() == {"numpy", KERNELS}
    assert f"left out: PyTorch: {reason}" in text(found)


def test_results_that_differ_are_told(monkeypatch):
    watch = stopwatch.Stopwatch(TINY, None, 1, None)
    watch._compare("step A", {"numpy": [2.0, None], "torch": [2.01, 5.0]})
    assert watch.disagreements == []  # rounding
    watch._compare("step A", {"numpy": [2.0], "torch": [2.1]})
    watch._compare("step B", {"numpy": [2.0], "torch": [float("nan")]})
    assert [line.partition(":")[0] for line in watch.disagreements] == ["step A", "step B"]
    assert watch.disagreements[0].endswith("numpy 2, torch 2.1")


def test_nothing_to_time_is_an_error_in_one_line(monkeypatch):
    monkeypatch.setattr(processes.sys, "executable", str(REPOSITORY / "no-python-here"))
    with pytest.raises(WorkerFailed, match="its process can't be started"):
        bench(TINY, 1, ["steps"])


@pytest.mark.parametrize("json_option", [["--json"], ["--json", "-"]])
def test_json_to_stdout_parses(quick_is_tiny, capsys, json_option):
    assert cli.main(["bench", "--quick", "--threads", "1", "--only", "steps", *json_option]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)["steps"][0]["size"] == "S"
    assert printed.err == ""


def test_json_and_figure_go_to_files(quick_is_tiny, tmp_path, capsys):
    data, figure = tmp_path / "new" / "bench.json", tmp_path / "ladder.png"
    arguments = ["bench", "--quick", "--threads", "1", "--only", "ladder", "--json", str(data), "--figure", str(figure)]
    assert cli.main(arguments) == 0
    assert "measured peak" in capsys.readouterr().out
    assert figure.read_bytes().startswith(b"\x89PNG")
    found = json.loads(data.read_text(encoding="utf-8"))
    assert found["figure"].startswith("Speed in GFLOP/s") and "steps" not in found


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--only", "dance"], "only = 'dance', expected some of ladder, layers, steps, growth"),
        (["--threads", "0"], "threads = 0, expected at least 1"),
        (["--threads", "100000"], "threads = 100000, expected at most"),
        (["--threads", "two"], "argument --threads: invalid int value: 'two'"),
        (["--only", "steps", "--figure", "ladder.png"], "figure: it shows the ladder"),
        (["--json", "."], "cannot write .: a folder is there"),
    ],
)
def test_bad_arguments_get_one_line_and_exit_code_2(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["bench", *arguments]) == 2
    printed = capsys.readouterr()
    assert printed.out == "" and message in printed.err and printed.err.count("\n") == 1
    assert not any(tmp_path.iterdir())


def test_after_an_interruption_no_worker_is_left(quick_is_tiny, monkeypatch, capsys):
    started = []

    def start(*arguments, **more):
        started.append(real(*arguments, **more))
        return started[-1]

    def interrupted(*arguments):
        assert started and all(process.poll() is None for process in started)
        raise KeyboardInterrupt

    real = subprocess.Popen
    monkeypatch.setattr(processes.subprocess, "Popen", start)
    monkeypatch.setattr(stopwatch, "take_turns", interrupted)
    assert cli.main(["bench", "--quick", "--only", "steps"]) == 130
    assert all(process.poll() is not None for process in started)
    assert "interrupted" in capsys.readouterr().err


def test_a_worker_that_hangs_is_ended(monkeypatch):
    monkeypatch.setattr(processes, "PATIENCE", 0)
    worker = processes.Worker(contestants.Rival("NumPy", "numpy", contestants.environment_for("numpy", 1, os.environ)))
    worker.close()
    assert worker.process.poll() is not None


def test_progress_is_shown_on_a_terminal_only():
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    terminal, file = Terminal(), io.StringIO()
    for stream in (terminal, file):
        bench(TINY, 1, ["steps"], stream=stream)
    assert "measuring" in terminal.getvalue() and "step S, NumPy" in terminal.getvalue()
    assert file.getvalue() == ""


def test_the_plans_are_what_the_help_says():
    assert QUICK.rounds < FULL.rounds and QUICK.step_seconds < FULL.step_seconds
    assert FULL.sizes.keys() == QUICK.sizes.keys() == {"A", "B", "C"}


def test_importing_the_command_loads_neither_numba_nor_matplotlib():
    program = (
        "import sys, minicluster.bench; "
        "print([name for name in ('numba', 'matplotlib', 'torch') if name in sys.modules])"
    )
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, encoding="utf-8")
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "[]", "")
