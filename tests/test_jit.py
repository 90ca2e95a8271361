"""Where compiled code is kept, what is said about it, and what happens if it can't be kept or there is no compiler."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from skips import need_the_compiler, needs_fork

import minicluster
from minicluster import jit


@pytest.fixture
def cache(monkeypatch, tmp_path):
    """A folder of the test's own for caches, and nothing remembered of the real one."""
    monkeypatch.setattr(jit.numba.config, "CACHE_DIR", str(tmp_path))
    cache_folder = jit.cache_folder.__wrapped__  # without the memory of its last answer
    monkeypatch.setattr(jit, "cache_folder", cache_folder)
    return tmp_path / "minicluster"


# The folder ---------------------------------------------------------------------------------------


def test_the_folder_changes_with_each_source_and_with_nothing_else(cache, monkeypatch, tmp_path):
    sources = [tmp_path / name for name in ("a.py", "b.py")]
    for source in sources:
        source.write_text("x = 1\n", encoding="utf-8")
    monkeypatch.setattr(jit, "SOURCES", sources)
    first = jit.cache_folder()
    assert first.is_dir() and first.parent == cache
    assert first == jit.cache_folder()
    seen = {first}
    for source in sources:
        source.write_text("x = 2\n", encoding="utf-8")
        seen.add(jit.cache_folder())
    monkeypatch.setattr(jit.numba, "__version__", "0.0")
    seen.add(jit.cache_folder())
    monkeypatch.setattr(jit.numba.config, "LOOP_VECTORIZE", 1 - jit.numba.config.LOOP_VECTORIZE)
    seen.add(jit.cache_folder())
    assert len(seen) == 5
    assert not list(first.iterdir())  # what it tried is gone


def test_all_kernels_and_what_compiles_them_are_among_the_sources():
    package = Path(minicluster.__file__).parent
    compiled = {path for path in package.rglob("*.py") if re.search(r"import .*\bcompiled\b", path.read_text("utf-8"))}
    assert {package / "bench" / "ladder.py", package / "kernels" / "matmul.py"} < compiled
    not_kept = {path for path in compiled if path.parent.name == "bench"}
    assert {*jit.SOURCES} == {package / "jit.py", *(package / "kernels").glob("*.py"), *compiled} - not_kept


def test_without_a_folder_of_the_user_s_own_the_system_s_is_taken(monkeypatch, tmp_path):
    monkeypatch.setattr(jit.numba.config, "CACHE_DIR", "")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "local"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    places = {"linux": "xdg", "win32": "local", "darwin": "Library/Caches"}
    for platform, place in places.items():
        if os.name != "nt" or platform == "win32":  # on Windows, HOME is not where a home is looked for
            monkeypatch.setattr(jit.sys, "platform", platform)
            assert jit._user_cache() == tmp_path / place


def test_old_folders_are_deleted_the_latest_kept_and_nothing_else_touched(cache):
    current = jit.cache_folder()
    old = [cache / f"{jit.FOLDER_PREFIX}{number}" for number in range(jit.KEPT_FOLDERS + 3)]
    others = [cache / "other", cache.parent / f"{jit.FOLDER_PREFIX}elsewhere"]
    for age, folder in enumerate([*old, *others]):
        (folder / "inner").mkdir(parents=True)
        (folder / "inner" / "file").write_text("", encoding="utf-8")
        os.utime(folder, (1e9 - age, 1e9 - age))  # the first is the youngest
    file = cache / f"{jit.FOLDER_PREFIX}file"
    file.write_text("", encoding="utf-8")
    os.utime(file, (1e8, 1e8))
    os.utime(current, (1e7, 1e7))  # the oldest of all, but in use
    assert jit.cache_folder() == current
    assert current.stat().st_mtime > 1e9  # used now
    kept = [*old[: jit.KEPT_FOLDERS], *others, file, current]
    assert sorted([*cache.iterdir(), cache.parent / f"{jit.FOLDER_PREFIX}elsewhere"]) == sorted(kept)
    assert all((folder / "inner" / "file").exists() for folder in kept if folder not in (file, current))


def test_a_place_that_can_not_be_written_is_none(cache, monkeypatch, tmp_path):
    file = tmp_path / "file"
    file.write_text("", encoding="utf-8")
    monkeypatch.setattr(jit.numba.config, "CACHE_DIR", str(file))  # not even root can make a folder in a file
    assert jit.cache_folder() is None
    monkeypatch.setattr(jit, "_user_cache", lambda: Path("~nobody-of-this-name").expanduser())
    assert jit.cache_folder() is None  # a user without a home


def test_a_folder_that_disappears_while_old_ones_are_deleted_does_no_harm(cache, monkeypatch):
    def disappear(current):
        raise FileNotFoundError

    monkeypatch.setattr(jit, "_delete_old", disappear)
    assert jit.cache_folder().is_dir()


# Compiling ----------------------------------------------------------------------------------------

MESSAGE = "minicluster: compiling its kernels for this machine"
SMALL_KERNEL = """
import numba
before = numba.config.CACHE_DIR
from minicluster.kernels import tasks
assert numba.config.CACHE_DIR == before
{and_then}
print(tasks.count(10, 3), tasks.rows_of_a_task(100))
print([sum(dispatcher.stats.cache_hits.values()) for dispatcher in (tasks.count, tasks.rows_of_a_task)])
"""


def run_program(program, **environment):
    folder = str(Path(minicluster.__file__).parent.parent)
    environment = {**os.environ, "PYTHONPATH": folder, **{name: str(value) for name, value in environment.items()}}
    run = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, encoding="utf-8")
    assert run.returncode == 0, run.stderr
    return run.stdout.split("\n", 1), run.stderr


def test_a_cold_start_says_so_once_and_a_warm_one_says_nothing(tmp_path):
    need_the_compiler()
    program = SMALL_KERNEL.format(and_then="")
    (result, _), said = run_program(program, NUMBA_CACHE_DIR=tmp_path)
    assert result == "4 32"
    assert said == f"{MESSAGE} (only this once) ...\n"
    assert len(list((tmp_path / "minicluster").glob(f"{jit.FOLDER_PREFIX}*/**/*.nbi"))) >= 2
    (result, hits), said = run_program(program, NUMBA_CACHE_DIR=tmp_path)
    assert (result, said) == ("4 32", "")
    assert hits == "[1, 1]\n"


def test_where_nothing_can_be_written_it_works_and_says_so(tmp_path):
    need_the_compiler()
    file = tmp_path / "file"
    file.write_text("", encoding="utf-8")
    (result, _), said = run_program(SMALL_KERNEL.format(and_then=""), NUMBA_CACHE_DIR=file)
    assert result == "4 32"
    assert said == f"{MESSAGE} (each time: no folder to keep them in could be written) ...\n"


def test_a_disk_that_is_full_costs_a_run_nothing(tmp_path):
    need_the_compiler()
    full = """
from numba.core.caching import IndexDataCacheFile
def save(*arguments):
    raise OSError(28, "No space left on device")
IndexDataCacheFile.save = save
"""
    (result, _), said = run_program(SMALL_KERNEL.format(and_then=full), NUMBA_CACHE_DIR=tmp_path)
    assert (result, said) == ("4 32", f"{MESSAGE} (only this once) ...\n")


def test_other_people_s_functions_are_not_announced_nor_kept_in_our_folder(tmp_path):
    need_the_compiler()
    theirs = "print(numba.njit(lambda x: x + 1)(3), end=' '); raise SystemExit"
    (result, *_), said = run_program(SMALL_KERNEL.format(and_then=theirs), NUMBA_CACHE_DIR=tmp_path)
    assert (result.strip(), said) == ("4", "")


def test_functions_of_no_module_may_be_compiled_beside_ours():
    need_the_compiler()
    names = {"__name__": None}
    exec("def add_one(x):\n    return x + 1", names)
    assert jit.numba.njit(names["add_one"])(3) == 4  # the announcement of compilations looks at the function's module


def test_vectors_are_as_wide_as_the_registers_where_that_is_asked_for():
    need_the_compiler()

    @jit.numba.njit
    def asks(values):
        jit.widest_vectors()
        for i in range(values.size):
            values[i] *= 3

    @jit.numba.njit
    def does_not_ask(values):
        for i in range(values.size):
            values[i] *= 3

    for triple, wide in ((asks, True), (does_not_ask, False)):
        values = np.ones(40, np.float32)
        triple(values)
        assert (values == 3).all()
        (code,) = triple.inspect_llvm().values()
        assert ('"prefer-vector-width"="512"' in code) is wide
        if wide and _compiles_for_avx512():  # unasked, LLVM takes whole registers on some of these processors too
            (code,) = triple.inspect_asm().values()
            assert "zmm" in code


def test_without_the_compiler_kernels_are_plain_python():
    program = """
import numpy as np
from types import FunctionType
from minicluster import jit, kernels
from minicluster.kernels import layernorm, matmul
from minicluster.nn import AdamW, Transformer, TransformerConfig
from minicluster.training import train_step
assert not jit.ENABLED
assert type(matmul.multiply) is type(layernorm._layernorm) is FunctionType
config = TransformerConfig(5, 3, 4, 1, 2)
tokens = np.arange(6).reshape(2, 3) % 5
for backend in ("auto", "numba"):
    model = Transformer(config, backend=backend)
    loss, norm = train_step(model, AdamW(model.parameters), tokens, tokens)
    assert np.isfinite(loss) and np.isfinite(norm)
    print(model.operations.backend, end=" ")
"""
    (backends, *_), said = run_program(program, NUMBA_DISABLE_JIT=1)
    assert (backends, said) == ("numpy numba ", "")


def _compiles_for_avx512():
    """Whether Numba compiles for this very machine, and it has AVX-512."""
    told = any(name in os.environ for name in ("NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES", "NUMBA_ENABLE_AVX"))
    features = jit.llvmlite.binding.get_host_cpu_features()
    return not told and features.get("avx512vl")


@needs_fork
def test_a_model_may_be_made_before_a_fork_and_trained_after_it():
    need_the_compiler()
    program = """
import os, sys
import numpy as np
from minicluster.nn import AdamW, Transformer, TransformerConfig
from minicluster.training import train_step
model = Transformer(TransformerConfig(5, 3, 4, 1, 2), backend="numba")
tokens = np.zeros((2, 3), int)
child = os.fork()
if child:
    print(os.waitpid(child, 0)[1])
else:
    train_step(model, AdamW(model.parameters), tokens, tokens)
    os._exit(0)
"""
    (status, _), _ = run_program(program)
    assert status == "0"


def test_threads_that_cannot_be_started_are_an_error_of_one_line(tmp_path):
    need_the_compiler()
    program = f"""
from minicluster.cli import main
print(main(["reproduce", "--quick", "--backend", "numba", "--out", {str(tmp_path)!r}]))
"""
    (code, _), said = run_program(program, NUMBA_THREADING_LAYER="nonsense")
    assert code == "2"
    assert said.count("\n") == 1 and "NUMBA_THREADING_LAYER = 'nonsense'" in said
