import numpy as np
import pytest

from minicluster import nn, selfcheck
from minicluster.cli import main

LAYERS = [
    "embedding", "unembedding", "layernorm", "linear", "softmax", "attention", "attention, start", "gelu", "mlp",
    "block", "cross-entropy", "group loss", "contrastive loss",
]  # fmt: skip


def rows_of(table):
    """{layer: (gradients, probes)} of a table whose first column may hold blanks."""
    head, *rows = table.splitlines()
    end = head.index("gradients")
    return {row[:end].strip(): tuple(map(int, row[end:].split()[:2])) for row in rows}


def test_every_gradient_of_every_layer_and_of_the_model():
    small, default = selfcheck.check_model(seed=3, directions=2)
    assert max(small.worst, default.worst) < 1e-12  # a hundred times less than allowed: sums of a few hundred roundings
    assert small.wrong == default.wrong == {}
    rows = rows_of(small.table)
    assert list(rows) == [*LAYERS, "model, tied", "model, untied", "model, hidden states", "t-SNE"]
    assert rows["t-SNE"] == (1, 12 * 2)
    n_layers, n_entries = 12 * 2 + 4, sum(np.prod(shape) for shape in selfcheck.SMALL.parameter_shapes().values())
    assert rows["model, tied"] == (n_layers, n_entries)
    assert rows["model, hidden states"] == rows["model, tied"]
    states = 3 * 4 * 6  # of three rows with four tokens, each of width 6
    assert rows["group loss"] == (3, states + 6 * 5 + 5) and rows["contrastive loss"] == (1, states)
    assert rows["model, untied"] == (n_layers + 1, n_entries + 7 * 6)
    rows = rows_of(default.table)
    assert list(rows) == [*LAYERS, "model"]
    assert rows["model"] == (12 * 6 + 4, 2 * (12 * 6 + 4))


def test_the_default_configuration_is_that_of_the_main_job():
    model = selfcheck.default_pairs(0)[-1]
    assert model.inputs["h.5.mlp.c_fc.weight"].shape == (64, 256)
    assert not (model.inputs["ln_f.weight"] == 1).any() and model.inputs["ln_f.bias"].all()


@pytest.mark.parametrize(
    "name, layer, wrong",
    [
        ("gelu_backward", "gelu", lambda dy, cache: {"x": 2 * nn.gelu_backward(dy, cache)["x"]}),
        ("linear_backward", "linear", lambda dy, cache: {**nn.linear_backward(dy, cache), "bias": dy}),
        ("softmax_backward", "softmax", lambda dp, cache: {"x": np.multiply(dp, 0, out=dp)}),
        ("contrastive_loss", "contrastive loss", lambda x, partner: (nn.contrastive_loss(x, partner)[0], x)),
        ("group_loss", "group loss", lambda x, **others: (nn.group_loss(x, **others)[0], {**others, "x": x})),
    ],
    ids=["wrong", "of the wrong shape", "spoils its upstream gradient", "of pairs", "of groups"],
)
def test_a_wrong_layer_fails_the_command(name, layer, wrong, monkeypatch, capsys):
    monkeypatch.setattr(selfcheck, name, wrong)
    monkeypatch.setattr(selfcheck, "default_pairs", lambda seed: selfcheck.small_pairs(seed)[:1])
    assert main(["gradcheck"]) == 1
    printed = capsys.readouterr()
    verdicts = {line.split("  ")[0]: line.split()[-1] for line in printed.out.splitlines() if "  " in line}
    assert verdicts[layer] == "WRONG" and verdicts["mlp"] == "ok"
    assert "some gradients are WRONG" in printed.out
    assert printed.err.startswith(f"minicluster: error: {layer}: ")


def test_the_command(monkeypatch, capsys):
    monkeypatch.setattr(selfcheck, "default_pairs", lambda seed: selfcheck.small_pairs(seed)[-1:])
    assert main(["gradcheck", "--directions", "1", "--seed", "4"]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    assert [line.split()[0] for line in printed.out.splitlines() if line.endswith(" ok")][-1] == "t-SNE"
    assert printed.out.splitlines()[-1].startswith("every gradient is right: worst relative error ")


@pytest.mark.parametrize(
    "arguments", [["--seed", "-1"], ["--directions", "0"], ["--directions", "101"], ["--directions", "two"]]
)
def test_bad_options_are_named(arguments, capsys):
    assert main(["gradcheck", *arguments]) == 2
    printed = capsys.readouterr()
    assert printed.out == "" and len(printed.err.splitlines()) == 1
    assert arguments[0].strip("-") in printed.err and arguments[1] in printed.err
