import numpy as np
import pytest

from minicluster.tasks import Vocabulary


def test_ids_are_places_in_the_list():
    vocabulary = Vocabulary(["<pad>", "a", "b"])
    tokens = vocabulary.encode(["b", "<pad>", "b"])
    assert tokens.dtype == np.int64 and tokens.tolist() == [2, 0, 2]
    assert vocabulary.decode(tokens) == ["b", "<pad>", "b"]
    assert len(vocabulary) == 3
    assert vocabulary.encode([]).tolist() == []


def test_unknown_and_doubled_names_are_refused():
    with pytest.raises(ValueError, match="unknown token 'c'"):
        Vocabulary(["a"]).encode(["a", "c"])
    with pytest.raises(ValueError, match="'a' more than once"):
        Vocabulary(["a", "b", "a"])
