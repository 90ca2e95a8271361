import numpy as np
import pytest
from skips import need_the_compiler

from minicluster.bench import ladder, peak
from minicluster.bench.rivals import mlp_arrays, random_arrays
from minicluster.kernels.memory import FRESH
from minicluster.nn.mlp import mlp_forward


@pytest.mark.parametrize("name", ladder.RUNGS)
def test_every_rung_computes_the_product(name):
    a, b = random_arrays((37, 19), (19, 23))
    call, c = ladder.prepare_rung(name, a, b)
    call()
    call()  # again, into the same place: it replaces, it does not add
    # Sums of 19 float32 products of size 1, in another order.
    np.testing.assert_allclose(c, a.astype(float) @ b, rtol=0, atol=1e-5)


def test_the_mlp_in_pieces_computes_the_mlp():
    arrays = mlp_arrays((21, 8, 32))
    expected, _ = mlp_forward(*(array.astype(float) for array in arrays))
    np.testing.assert_allclose(ladder.mlp_in_pieces(*arrays, FRESH), expected, rtol=0, atol=1e-5)  # as above


def test_the_peak_loop_does_its_multiplications_and_additions():
    need_the_compiler()  # an intrinsic has no form in ordinary Python
    # From 0, 1, ... SUMS - 1, three times halved and increased by 1: n / 8 + 7 / 4. All exact.
    expected = sum(range(peak.SUMS)) / 8 + peak.SUMS * 7 / 4
    assert peak.one_thread(3, np.float32(0.5), np.float32(1)) == expected
    totals = np.empty(3, np.float32)
    peak.all_threads(totals, 3, np.float32(0.5), np.float32(1))
    assert totals.tolist() == [expected] * 3
