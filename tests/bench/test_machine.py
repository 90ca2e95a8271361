import os

import pytest

from minicluster.bench import contestants, machine


def test_the_system_has_a_processor_and_cores():
    found = machine.describe_system()
    assert found["processor"] and found["architecture"]
    assert 1 <= found["usable_cores"] <= found["cores"]


def test_numpy_knows_its_blas():
    blas = machine.describe_numpy()["blas"]
    assert blas.keys() == {"name", "version", "core", "threads"}
    assert (blas["core"] is None) == (blas["threads"] is None)


def test_only_variables_that_bear_on_speed_are_told():
    environment = {"OPENBLAS_CORETYPE": "Haswell", "OMP_NUM_THREADS": "3", "HOME": "/home/someone"}
    assert machine.variables(environment) == {
        "bending": {"OPENBLAS_CORETYPE": "Haswell"},
        "threads": {"OMP_NUM_THREADS": "3"},
    }


@pytest.fixture
def with_torch(monkeypatch):
    monkeypatch.setattr(contestants.importlib.util, "find_spec", lambda name: object())


def test_libraries_that_variables_bend_take_part_with_and_without_them(with_torch):
    plain = contestants.make_rivals(2, {})
    assert list(plain) == ["numpy", "numba", "torch", "sklearn", contestants.ONE_THREAD]
    bent = contestants.make_rivals(2, {"OPENBLAS_CORETYPE": "Haswell"})
    assert bent.keys() - plain.keys() == {"numpy_unset", "sklearn_unset"}
    assert bent["numpy"].environment["OPENBLAS_CORETYPE"] == "Haswell"
    assert "OPENBLAS_CORETYPE" not in bent["numpy_unset"].environment
    assert contestants.make_rivals(2, {"OMP_WAIT_POLICY": "active"}).keys() - plain.keys() == {
        "numpy_unset",
        "torch_unset",
        "sklearn_unset",
    }
    assert "sklearn" not in contestants.make_rivals(2, {}, clusters=False)


def test_all_rivals_get_the_same_number_of_threads_whatever_the_environment_says(with_torch):
    rivals = contestants.make_rivals(3, {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "7", "NUMBA_NUM_THREADS": "5"})
    for name in ("numpy", "torch", "sklearn"):
        assert {rivals[name].environment[variable] for variable in machine.THREADS} == {"3"}
    assert rivals["numba"].environment["NUMBA_NUM_THREADS"] == "3"
    assert rivals["numba"].environment["OPENBLAS_NUM_THREADS"] == "1"  # which otherwise takes the kernels' cores
    assert rivals[contestants.ONE_THREAD].environment["OPENBLAS_NUM_THREADS"] == "1"


def test_numba_is_always_compiled():
    rivals = contestants.make_rivals(1, {"NUMBA_DISABLE_JIT": "1"})
    assert "NUMBA_DISABLE_JIT" not in rivals["numba"].environment


@pytest.mark.parametrize(("text", "expected"), [("3", 3), ("0", None), ("many", None), ("", None)])
def test_the_default_number_of_threads_is_numbas(text, expected):
    assert contestants.default_threads({"NUMBA_NUM_THREADS": text}) == (expected or machine.usable_cores())
    assert machine.usable_cores() <= os.cpu_count()
