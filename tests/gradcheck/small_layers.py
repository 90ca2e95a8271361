"""Small layers whose gradients are known to be right, and how to spoil one."""

import numpy as np
import pytest

RNG = np.random.default_rng(20240219)
N, C = 5, 3  # small enough to check every entry, not square, so that a transposed result has the wrong shape
X, SQUARE, BIAS = RNG.normal(size=(N, C)), RNG.normal(size=(C, C)), RNG.normal(size=C)

METHODS = ("complex-step", "central")
WAYS = [(method, directions) for method in METHODS for directions in (None, 1, 3)]
every_method = pytest.mark.parametrize("method", METHODS)
every_way = pytest.mark.parametrize("method, directions", WAYS)


def linear(x, weight, bias):
    return x @ weight + bias, (x, weight)


def linear_gradients(dy, cache):
    x, weight = cache
    return {"x": dy @ weight.T, "weight": x.T @ dy, "bias": dy.sum(axis=0)}


def softmax(x):
    exponentials = np.exp(x - x.real.max(axis=-1, keepdims=True))
    y = exponentials / exponentials.sum(axis=-1, keepdims=True)
    return y, y


def softmax_gradients(dy, y):
    return {"x": y * (dy - (dy * y).sum(axis=-1, keepdims=True))}


def mean_of_squares(x, target):
    error = x - target
    return (error**2).sum() / error.size, error


def mean_of_squares_gradients(dloss, error):
    return {"x": dloss * 2 * error / error.size, "target": -dloss * 2 * error / error.size}


def tanh(x):
    y = np.tanh(x)
    return y, y


def tanh_gradients(dy, y):
    return {"x": dy * (1 - y**2)}


def root(x):
    y = np.sqrt(x)
    return y, y


def root_gradients(dy, y):
    return {"x": dy / (2 * y)}


def root_of_minus(x):
    return root(-x)


def root_of_minus_gradients(dy, y):
    return {"x": -dy / (2 * y)}


def relu(x):
    return x * (x.real > 0), x


def relu_gradients(dy, x):
    return {"x": dy * (x > 0)}


def product(x, y):
    return x * y, (x, y)


def product_gradients(dout, cache):
    x, y = cache
    return {"x": dout * y, "y": dout * x}


def wrong(right, name, change):
    """A backward that is right but for the gradient of one input."""

    def backward(dout, cache):
        gradients = right(dout, cache)
        gradients[name] = change(gradients[name], dout, cache)
        return gradients

    return backward


LINEAR = {"x": X, "weight": SQUARE, "bias": BIAS}
