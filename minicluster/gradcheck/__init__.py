"""Is a backward pass that was written by hand right? Compare it with numerical derivatives.

    def forward(x, weight):
        return x @ weight, (x, weight)

    def backward(dy, cache):
        x, weight = cache
        return {"x": dy @ weight.T, "weight": x.T @ dy}

    print(check_gradients(forward, backward, {"x": x, "weight": weight}))

A layer that is an object and keeps what it needs to itself is wrapped in two lines. A new object for each forward, so
that nothing is left over from the call before; the object is the cache:

    def forward(x, weight): layer = Linear(weight); return layer.forward(x), layer
    def backward(dy, layer): return {"x": layer.backward(dy), "weight": layer.weight_gradient}

A forward with several results returns a tuple as `out`; its backward then gets a tuple `dout`, one for each:

    def forward(x): y = np.tanh(x); return (y, y.sum()), y
    def backward(dout, y): dy, dtotal = dout; return {"x": (dy + dtotal) * (1 - y * y)}

The number that is differentiated is sum(dout * out) with a random upstream gradient dout. Ones would not do:
a softmax's rows always sum to 1, so under ones its true gradient is 0, and a backward that returns zeros would pass.

A check says nothing if the pair breaks the rules that make derivatives meaningful: a forward that draws new random
numbers at each call, one that loses the imaginary part, a backward that changes what others still need. Such a pair is
refused, with a message that says which. Nor does any check of gradients see a forward that is wrong together with its
backward: a forward needs cases worked out by hand.
"""

from .check import check_gradients
from .memory import SharedMemoryWarning
from .report import GradientError, GradientReport, InputCheck

__all__ = ["GradientError", "GradientReport", "InputCheck", "SharedMemoryWarning", "check_gradients"]
