"""`minicluster ask` as a user runs it."""

import io
import sys
from types import SimpleNamespace

import pytest
from test_cli import run

from minicluster import cli
from minicluster.commands import ask as command
from minicluster.experiments import GeographySettings, kept_model
from minicluster.experiments.answering import Reply
from minicluster.tasks import ATTRIBUTES, load_places
from minicluster.training import TrainingDiverged

TINY = GeographySettings(
    n_places=12, n_instructions=2, n_unseen_instructions=1, n_places_each=2, d_model=8, n_layers=2, n_heads=2,
    steps=3, batch_size=8,
)  # fmt: skip
PERU = next(place for place in load_places() if place.name == "Peru")
INSIDE = Reply(
    question="which money do people use in this place", place=PERU, strange=(), left_out=(), attribute="currency",
    distance=1.3149, runner_up="language", runner_up_distance=6.2, usual=1.6, inside=True,
    outside_distance=0.1249, text="sol", fact="sol",
    known_answer=True, nearest=(("what money do they use in this place", 0.2149), ("pay in xqv this place", 3.0)),
)  # fmt: skip
OUTSIDE = Reply(
    **{**vars(INSIDE), "inside": False, "text": None, "fact": None, "known_answer": False, "strange": ("zx", "qqq")}
)
KNOWN = SimpleNamespace(words=("what", "money", "do", "they", "use", "in", "this", "place", "pay"))


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """Small data, a small model, and a folder for caches of the test's own."""
    monkeypatch.setattr("minicluster.experiments.GeographySettings", lambda: TINY)
    monkeypatch.setattr(kept_model, "user_cache", lambda: tmp_path / "cache")
    return tmp_path / "cache" / "minicluster"


class Made:
    """An Answerer that knows one question."""

    tokenizer = KNOWN

    def answer(self, text):
        if "money" not in text:
            raise ValueError(f"no place in {text!r}")
        return INSIDE


@pytest.fixture
def made(monkeypatch):
    """Let no model be trained."""
    calls = []
    monkeypatch.setattr(kept_model, "kept_answerer", lambda *given, tell: calls.append(given) or Made())
    return calls


class Terminal(io.StringIO):
    def isatty(self):
        return True


def ask(*arguments):
    return cli.main(["ask", *map(str, arguments)])


def test_an_answer_as_text():
    assert command.reply_text(INSIDE, KNOWN).splitlines() == [
        "which money do people use in this place | Peru",
        "answer    sol",
        "cluster   currency, at 1.31 (its questions: up to 1.60); next is language, at 6.20",
        "like      what money do they use in this place (0.21)",
        "          pay in [xqv] this place (3.00)",
    ]


def test_a_possessive_stands_at_its_word():
    near = (("name this country 's money", 0.5),)
    own = Reply(**{**vars(INSIDE), "question": "this place 's money", "nearest": near})
    words = SimpleNamespace(words=(*KNOWN.words, "name", "country", "'s"))
    lines = command.reply_text(own, words).splitlines()
    assert lines[0] == "this place's money | Peru" and lines[-1] == "like      name this country's money (0.50)"


def test_a_question_outside_as_text():
    assert command.reply_text(OUTSIDE, KNOWN).splitlines()[1:4] == [
        "outside   all clusters, so no answer; the nearest is currency, at 1.31, then language, at 6.20",
        "because   a made-up question that asks for nothing is nearer (0.12) than any training question (0.21)",
        "spelled   words that it does not know: zx, qqq",
    ]
    nowhere = Reply(**{**vars(OUTSIDE), "place": None, "strange": ()})
    lines = command.reply_text(nowhere, KNOWN).splitlines()
    assert lines[0] == "which money do people use in this place | (no place)"
    assert [line.split()[0] for line in lines[1:]] == ["outside", "because"]


def test_mistakes_and_words_left_out_as_text():
    mistaken = Reply(**{**vars(INSIDE), "text": "yen", "left_out": ("travelling", "x")})
    lines = command.reply_text(mistaken, KNOWN).splitlines()
    assert lines[1:3] == ["answer    yen", "mistake   the table says sol"]
    assert lines[4] == "left out  for lack of room: travelling, x"
    nonsense = Reply(**{**vars(mistaken), "text": "", "known_answer": False})
    assert command.reply_text(nonsense, KNOWN).splitlines()[1:3] == [
        "answer    (nothing)",
        "mistake   the table says sol; the model's answer is no currency of any place",
    ]


def test_a_question_is_answered_and_the_model_kept(cache, capsys, monkeypatch):
    name = TINY.make_dataset(0).places[0].name
    question = ("which money do people use in", f"{name}?", "--backend", "numpy", "--steps", 2)
    assert ask(*question) == 0
    first = capsys.readouterr()
    assert first.err == "minicluster: training the model, half a minute to a minute, only this once ...\n"
    assert first.out.startswith(f"which money do people use in this place | {name}\n") and first.out.isascii()
    assert len(list(cache.iterdir())) == 1
    monkeypatch.setattr(kept_model, "train", lambda *given: pytest.fail("trained again"))
    assert ask(*question) == 0
    assert capsys.readouterr() == (first.out, "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([""], "error: the question"),
        (["?!"], "error: the question"),
        (["x" * 10_000], "error: the question has 10000 characters, expected at most 500"),
        (["\u0441\u0442\u043e\u043b\u0438\u0446\u0430"], "is mostly not in Latin letters"),
        (["money of Peru and Chile"], "error: the question is about Peru and Chile, expected one place at a time"),
        (["money of Peru", "--seed", "-1"], "seed = -1, expected at least 0"),
        (["money of Peru", "--steps", "0"], "steps = 0, expected at least 1"),
        (["money of Peru", "--steps", "few"], "argument --steps: invalid int value: 'few'"),
        (["money of Peru", "--backend", "cuda"], "backend = 'cuda', expected one of auto, numba, numpy"),
        (["money of Peru", "--model", "file/below"], "cannot write to folder file"),
        (["money of Peru", "--model", "file"], "file is no checkpoint"),
    ],
)
def test_bad_input_gets_one_line_and_exit_code_2_before_anything_is_trained(
    arguments, message, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(kept_model, "train", lambda *given: pytest.fail("trained"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("kept", encoding="utf-8")
    assert ask(*arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == "" and message in printed.err and printed.err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_text(encoding="utf-8") == "kept"


def test_a_question_that_the_model_finds_bad_is_bad_input(made, capsys):
    assert ask("who", "are", "you") == 2
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", "minicluster: error: no place in 'who are you'\n")


def test_words_need_no_quotes_and_options_are_passed_on(made, tmp_path, capsys):
    assert ask("what", "money", "--seed", 3, "--steps", 7, "--backend", "numpy", "--model", tmp_path / "m.npz") == 0
    ((settings, seed, backend, file),) = made
    assert (settings.steps, settings.n_recordings, seed, backend, file) == (7, 2, 3, "numpy", tmp_path / "m.npz")
    assert capsys.readouterr().out == command.reply_text(INSIDE, KNOWN) + "\n"
    assert ask("money") == 0
    assert made[1][0].steps == TINY.steps and made[1][1:] == (0, "auto", None)


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (TrainingDiverged(7, 2.5), 1, "error: the loss or its gradient is no longer finite at step 7; the last finite"),
        (MemoryError(), 1, "error: not enough memory"),
        (KeyboardInterrupt(), 130, "interrupted; no file was left half-written"),
    ],
)
def test_a_training_that_fails_says_so_in_one_line(error, code, message, monkeypatch, capsys, cache):
    def fail(*given):
        raise error

    monkeypatch.setattr(kept_model, "train", fail)
    assert ask("which money do people use in Peru?") == code
    printed = capsys.readouterr()
    told = printed.err.splitlines()
    assert printed.out == ""
    assert told[0] == "minicluster: training the model, half a minute to a minute, only this once ..."
    assert len(told) == 2 and message in told[1] and not any(cache.iterdir())


def test_questions_from_a_pipe_are_answered_line_by_line(made, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", io.StringIO("money\n\nnonsense\nquit money\nthe money"))
    assert ask() == 0
    printed = capsys.readouterr()
    assert printed.out == (command.reply_text(INSIDE, KNOWN) + "\n\n") * 3
    assert printed.err == "minicluster: no place in 'nonsense'\n"


@pytest.mark.parametrize("end", ["", "\n", "quit\nmoney\n", "  QUIT \nmoney\n", "exit\nmoney\n", "\nmoney\n"])
def test_the_prompt_goes_on_after_a_bad_question_and_ends_when_told(end, made, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", Terminal(f"nonsense\nmoney\n{end}"))
    assert ask() == 0
    printed = capsys.readouterr()
    assert printed.out.count("answer    sol") == 1 and printed.out.count(command.PROMPT) >= 3
    assert all(attribute in printed.out.splitlines()[0] for attribute in ATTRIBUTES)
    assert command.EXAMPLE in printed.out
    assert printed.err == "minicluster: no place in 'nonsense'\n"


def test_ctrl_c_ends_the_prompt(made, monkeypatch, capsys):
    def interrupt(prompt):
        raise KeyboardInterrupt

    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr("builtins.input", interrupt)
    assert ask() == 0
    assert capsys.readouterr().err == ""


def test_without_stdin_there_is_nothing_to_answer(made, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", None)
    assert ask() == 0
    assert capsys.readouterr().out == ""


def test_help_lists_what_can_be_asked():
    shown = run("ask", "--help")
    assert shown.returncode == 0
    words = " ".join(shown.stdout.split())
    assert command.SUBJECTS in words and command.SUBJECTS == ", ".join(ATTRIBUTES)
    for option in ("QUESTION", "--seed", "--steps", "--backend", "--model"):
        assert option in shown.stdout


def test_bytes_that_are_no_text_are_told_as_a_bad_question(made, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\xff\xfe?\nmoney\n"), encoding="utf-8"))
    assert ask() == 0
    printed = capsys.readouterr()
    assert printed.out.count("answer    sol") == 1 and printed.err.count("\n") == 1
