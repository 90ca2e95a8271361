"""Text to tokens and back: words that are known stay whole, everything else is spelled byte by byte."""

import numpy as np

from ..checks import check_whole_number
from .vocabulary import END, PAD, SEPARATOR, Vocabulary

__all__ = ["SPELL", "WordTokenizer"]

SPELL = "<spell>"  # the bytes of one piece of text follow
PRINTABLE = range(ord(" "), ord("~") + 1)  # the ASCII characters that show
BYTES = tuple(f"'{chr(byte)}'" if byte in PRINTABLE else f"<{byte:02x}>" for byte in range(256))
OTHERS = (PAD, SEPARATOR, END, SPELL, *BYTES)  # the tokens that are no words, which every tokenizer has
BYTE_OF = {name: byte for byte, name in enumerate(BYTES)}


class WordTokenizer:
    """Text to tokens and back, without loss: a word of the list is one token, anything else is spelled.

    The text is cut at every single space. A piece that is in the list is one token. Any other, be it an unknown word
    or the empty piece between two spaces, is the token SPELL and one token for each byte of its UTF-8 form. So nothing
    is out of vocabulary, and no text becomes a control token: "<sep>" is spelled as well.

        WordTokenizer(["capital", "of"]).encode("capital of Perú")

        capital  of   <spell>  'P'  'e'  'r'  <c3>  <ba>
        260      261  3        84   105  118  199   190

    Parameters
    ----------
    words : sequence of str
        Each once, with at least one character and without a space; "Lima" and "lima" are two. None may be the name of
        another token: "<sep>", "'a'", "<c3>".

    Attributes
    ----------
    words : tuple of str
    vocabulary : Vocabulary
        PAD, SEPARATOR, END and SPELL, 0 to 3; byte b, 4 + b; then the words in their order.

    Raises
    ------
    ValueError, TypeError
        If the words are not as above.
    """

    def __init__(self, words):
        self.words = _checked_words(words)
        self.vocabulary = Vocabulary([*OTHERS, *self.words])
        self._known = frozenset(self.words)

    def __len__(self):
        return len(self.vocabulary)

    def encode(self, text):
        """Return the tokens of a text.

        Parameters
        ----------
        text : str
            Any, lone surrogates included; "" is a text of one empty piece.

        Returns
        -------
        (n,) int64

        Raises
        ------
        TypeError
            If the text is no str.
        """
        if not isinstance(text, str):
            raise TypeError(f"text has type {type(text).__name__}, expected str")
        names = []
        for piece in text.split(" "):
            if piece in self._known:
                names.append(piece)
            else:
                names.append(SPELL)
                names.extend(BYTES[byte] for byte in piece.encode("utf-8", "surrogatepass"))
        return self.vocabulary.encode(names)

    def decode(self, tokens):
        """Return the text of tokens; `decode(encode(text))` is the text.

        A model that writes freely may also write what `encode` never does. Bytes without SPELL before them begin a
        piece of their own, bytes that are no UTF-8 show as U+FFFD, the replacement character, SEPARATOR and END show as
        pieces, by their names, and PAD is left out.

        Parameters
        ----------
        tokens : sequence of int
            Any number of ids, in any order.

        Returns
        -------
        str

        Raises
        ------
        ValueError, TypeError
            If a token is no id of the vocabulary.
        """
        pieces = []  # a str is whole, a bytearray is being spelled
        for name in self.vocabulary.decode(self._checked_tokens(tokens)):
            if name in BYTE_OF:
                if not pieces or isinstance(pieces[-1], str):
                    pieces.append(bytearray())
                pieces[-1].append(BYTE_OF[name])
            elif name == SPELL:
                pieces.append(bytearray())
            elif name != PAD:
                pieces.append(name)
        return " ".join(piece if isinstance(piece, str) else _text_of(piece) for piece in pieces)

    def _checked_tokens(self, tokens):
        """Return the tokens as a list if all are ids, none counted from the end of the vocabulary."""
        if isinstance(tokens, np.ndarray) and tokens.ndim != 1:
            raise ValueError(f"tokens has shape {tokens.shape}, expected (n,)")
        tokens = list(tokens)
        for place, token in enumerate(tokens):
            check_whole_number(f"tokens[{place}]", token, 0)
            if token >= len(self):
                raise ValueError(f"tokens[{place}] = {token}, expected 0 to {len(self) - 1}")
        return tokens


def _checked_words(words):
    """Return the words as a tuple, or say which can't be one."""
    if isinstance(words, str):
        raise TypeError(f"words = {words!r}, expected a sequence of words")
    places = {}
    for place, word in enumerate(words):
        if not isinstance(word, str):
            raise TypeError(f"words[{place}] = {word!r}, expected a str")
        if not word or " " in word:
            raise ValueError(f"words[{place}] = {word!r}, expected at least one character and no space")
        if word in OTHERS:
            raise ValueError(f"words[{place}] = {word!r}, the name of another token, expected a word")
        if word in places:
            raise ValueError(f"words[{place}] = {word!r}, as words[{places[word]}], expected each word once")
        places[str(word)] = place  # a subclass such as np.str_ would show in the names
    return tuple(places)


def _text_of(spelled):
    """Return the text whose UTF-8 form these bytes are, or the nearest to it."""
    try:
        return spelled.decode("utf-8", "surrogatepass")  # as it was encoded
    except UnicodeDecodeError:
        return spelled.decode("utf-8", "replace")
