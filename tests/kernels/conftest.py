"""Uncompiled, kernels are slow: then tests draw tiny sizes, and tiles and tasks are small, so there are several."""

from importlib import import_module

import pytest

from minicluster import jit

SMALL = {
    "adamw": {"BLOCK": 5},
    "attention": {"QUERIES": 3, "HEADS": 2, "ATTENTION_TASKS": 2},
    "cross_entropy": {"ROWS": 2},
    "gelu": {"BLOCK": 4},
    "layernorm": {"ROWS": 2},
    "linear": {"SQUARE": 2, "number_of_threads": lambda: 3},
    "matmul": {"DEPTH": 4},
    "tasks": {"FEWEST_ROWS": 2, "MOST_ROWS": 4, "ROWS_OF_A_PRODUCT": 2},
}


@pytest.fixture(scope="session", autouse=True)
def small_tasks_if_uncompiled():
    with pytest.MonkeyPatch.context() as patch:
        for module, constants in SMALL.items() if not jit.ENABLED else ():
            for name, value in constants.items():
                patch.setattr(import_module(f"minicluster.kernels.{module}"), name, value)
        yield
