"""Round trips of any text, tokens by hand, and tokens that no text has."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from minicluster.tasks import END, PAD, SEPARATOR, SPELL, WordTokenizer

FIRST_BYTE, FIRST_WORD = 4, 260
SPECIAL = [PAD, SEPARATOR, END, SPELL, "'a'", "'''", "<c3>", "<00>"]
NAMES_OF_OTHERS = WordTokenizer([]).vocabulary.names

# Any character, surrogates among them; and few characters, so that pieces are words of the list or nearly so.
texts = st.text(st.characters()) | st.text("ab \u00e9'<>\ud800\udc00\n", max_size=20)
lists_of_words = st.lists(
    (st.text("ab\u00e9'", min_size=1, max_size=2) | st.text(st.characters(), min_size=1, max_size=5)).filter(
        lambda word: " " not in word and word not in NAMES_OF_OTHERS
    ),
    unique=True,
    max_size=8,
)


def spelled(text):
    return [3, *(FIRST_BYTE + byte for byte in text.encode("utf-8"))]


@given(lists_of_words, texts)
@example(["a"], "")
@example(["a"], " ")
@example(["a"], "a  a ")
@example(["a"], "\ud83d\ude00 \udfff\ud800 \U0001f600")  # a pair of surrogates is not the character it stands for
def test_any_text_comes_back(words, text):
    tokenizer = WordTokenizer(words)
    tokens = tokenizer.encode(text)
    assert tokens.dtype == np.int64 and tokens.ndim == 1 and len(tokens) >= 1
    assert tokenizer.decode(tokens) == text
    assert tokenizer.decode(tokens.tolist()) == text


@given(lists_of_words.filter(len), st.data())
def test_sentences_of_words_have_a_token_a_word(words, data):
    tokenizer = WordTokenizer(words)
    places = data.draw(st.lists(st.integers(0, len(words) - 1), min_size=1))
    text = " ".join(words[place] for place in places)
    tokens = tokenizer.encode(text)
    assert tokens.tolist() == [FIRST_WORD + place for place in places]
    assert tokenizer.decode(tokens) == text


@given(texts)
def test_without_words_every_piece_is_spelled(text):
    pieces = [piece.encode("utf-8", "surrogatepass") for piece in text.split(" ")]
    expected = [token for piece in pieces for token in (3, *(FIRST_BYTE + byte for byte in piece))]
    assert WordTokenizer([]).encode(text).tolist() == expected


def test_the_example_of_the_docstring():
    tokenizer = WordTokenizer(["capital", "of"])
    tokens = tokenizer.encode("capital of Per\u00fa")
    assert tokens.tolist() == [260, 261, 3, 84, 105, 118, 199, 190]
    assert tokenizer.vocabulary.decode(tokens) == ["capital", "of", SPELL, "'P'", "'e'", "'r'", "<c3>", "<ba>"]
    lines = [line.split() for line in WordTokenizer.__doc__.split("\n")]
    assert list(map(str, tokens)) in lines and tokenizer.vocabulary.decode(tokens) in lines


def test_the_vocabulary_is_four_tokens_the_bytes_and_the_words():
    tokenizer = WordTokenizer(["state", "Lima", "lima", "it's"])
    names = tokenizer.vocabulary.names
    assert names[:4] == (PAD, SEPARATOR, END, SPELL) == ("<pad>", "<sep>", "<end>", "<spell>")
    assert names[FIRST_WORD:] == tokenizer.words == ("state", "Lima", "lima", "it's")
    assert len(tokenizer) == len(names) == len(tokenizer.vocabulary) == 264
    shown = {0x20: "' '", 0x21: "'!'", 0x27: "'''", 0x41: "'A'", 0x5C: "'\\'", 0x7E: "'~'"}
    hidden = {0x00: "<00>", 0x0A: "<0a>", 0x1F: "<1f>", 0x7F: "<7f>", 0x80: "<80>", 0xFF: "<ff>"}
    for byte, name in (shown | hidden).items():
        assert names[FIRST_BYTE + byte] == name


def test_case_spaces_and_signs_make_other_pieces():
    tokenizer = WordTokenizer(["Lima", "lima"])
    assert tokenizer.encode("Lima lima").tolist() == [260, 261]
    assert tokenizer.encode("LIMA").tolist() == spelled("LIMA")
    assert tokenizer.encode("lima?").tolist() == spelled("lima?")
    assert tokenizer.encode("lima\n").tolist() == spelled("lima\n")
    assert tokenizer.encode("").tolist() == [3]
    assert tokenizer.encode(" ").tolist() == [3, 3]
    assert tokenizer.encode(" Lima  lima").tolist() == [3, 260, 3, 261]


@pytest.mark.parametrize("name", SPECIAL)
def test_who_types_the_name_of_a_token_spells_it(name):
    tokenizer = WordTokenizer(["a"])
    assert name in tokenizer.vocabulary.names
    assert tokenizer.encode(name).tolist() == spelled(name)
    tokens = tokenizer.encode(f"a {name} a")
    assert tokens.tolist() == [260, *spelled(name), 260]
    assert tokenizer.decode(tokens) == f"a {name} a"


# ---- Tokens that no text has


def of_names(tokenizer, *names):
    return tokenizer.decode(tokenizer.vocabulary.encode(names))


@pytest.mark.parametrize(
    "names, expected",
    [
        ((), ""),
        (("'a'",), "a"),
        (("Lima", "'a'", "'b'"), "Lima ab"),  # not "Limaab": a word is whole
        (("'a'", "Lima", "'b'"), "a Lima b"),
        ((SPELL, "'a'", SPELL, "'b'"), "a b"),
        ((SPELL, SPELL, "Lima"), "  Lima"),
        ((SPELL, "'L'", "'i'", "'m'", "'a'"), "Lima"),  # a known word, spelled
        ((SPELL, "'a'", "' '", "'b'"), "a b"),
        ((SPELL, "<c3>", "<ba>"), "\u00fa"),
        (("<c3>", "<ba>"), "\u00fa"),
        ((SPELL, "'a'", "<c3>"), "a\ufffd"),  # a character cut off
        ((SPELL, "<c3>", SPELL, "<ba>"), "\ufffd \ufffd"),
        ((SPELL, "<ff>", "'a'"), "\ufffda"),
        ((SPELL, "<c0>", "<80>"), "\ufffd\ufffd"),  # longer than need be
        ((SPELL, "<ed>", "<a0>", "<80>"), "\ud800"),  # a lone surrogate
        (("Lima", SEPARATOR, "Lima", END), "Lima <sep> Lima <end>"),
        (("'a'", END, "'b'"), "a <end> b"),
        ((PAD, "Lima", PAD, "Lima", PAD, PAD), "Lima Lima"),
        ((SPELL, "<c3>", PAD, "<ba>"), "\u00fa"),  # as if it were not there
        ((PAD,), ""),
    ],
)
def test_decode_shows_what_a_model_may_write(names, expected):
    assert of_names(WordTokenizer(["Lima"]), *names) == expected


@given(st.lists(st.integers(0, 261)))
def test_decode_takes_any_ids(tokens):
    tokenizer = WordTokenizer(["a", "Lima"])
    text = tokenizer.decode(tokens)
    assert type(text) is str
    assert tokenizer.decode([token for token in tokens if token]) == text  # token 0 is PAD
    assert tokenizer.decode(tokenizer.encode(text)) == text


def test_decode_takes_any_sequence_of_whole_numbers():
    tokenizer = WordTokenizer(["a", "b"])
    for tokens in ([260, 261], (260, 261), np.array([260, 261], np.int32), [np.int64(260), 261], iter([260, 261])):
        assert tokenizer.decode(tokens) == "a b"


# ---- What is refused


@pytest.mark.parametrize(
    "words, kind, message",
    [
        ("abc", TypeError, "words = 'abc', expected a sequence of words"),
        (["a", 5], TypeError, "words[1] = 5, expected a str"),
        (["a", b"b"], TypeError, "words[1] = b'b', expected a str"),
        (["a", ""], ValueError, "words[1] = '', expected at least one character and no space"),
        (["New York"], ValueError, "words[0] = 'New York', expected at least one character and no space"),
        (["a", "b", "a"], ValueError, "words[2] = 'a', as words[0], expected each word once"),
        *(
            ([name], ValueError, f"words[0] = {name!r}, the name of another token, expected a word")
            for name in SPECIAL
        ),
    ],
)
def test_words_that_are_none_are_refused(words, kind, message):
    with pytest.raises(kind) as caught:
        WordTokenizer(words)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "call, kind, message",
    [
        (lambda t: t.encode(5), TypeError, "text has type int, expected str"),
        (lambda t: t.encode(b"a"), TypeError, "text has type bytes, expected str"),
        (lambda t: t.decode([3, 261]), ValueError, "tokens[1] = 261, expected 0 to 260"),
        (lambda t: t.decode([10**30]), ValueError, f"tokens[0] = {10**30}, expected 0 to 260"),
        (lambda t: t.decode(np.array([3, -1])), ValueError, "tokens[1] = -1, expected at least 0"),
        (lambda t: t.decode([3, 4.0]), TypeError, "tokens[1] = 4.0, expected a whole number"),
        (lambda t: t.decode("a"), TypeError, "tokens[0] = 'a', expected a whole number"),
        (lambda t: t.decode(np.zeros((1, 3), int)), ValueError, "tokens has shape (1, 3), expected (n,)"),
    ],
)
def test_bad_arguments_get_one_line_with_name_value_and_what_was_expected(call, kind, message):
    with pytest.raises(kind) as caught:
        call(WordTokenizer(["a"]))
    assert str(caught.value) == message


def test_words_of_a_subclass_become_plain_ones():
    tokenizer = WordTokenizer(np.array(["Lima", "of"]))
    assert [type(word) for word in tokenizer.words] == [str, str]
    assert tokenizer.encode(np.str_("of")).tolist() == [261]


# ---- Long texts


@pytest.mark.parametrize("character, n_bytes", [("\u0416", 2), ("\u6771", 3), ("\U0001f600", 4)])
def test_ten_thousand_characters_of_another_script_take_a_token_a_byte(character, n_bytes):
    tokenizer = WordTokenizer(["a"])
    text = character * 10_000
    tokens = tokenizer.encode(text)
    assert len(tokens) == 1 + n_bytes * 10_000
    assert tokenizer.decode(tokens) == text
