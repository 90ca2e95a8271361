"""What is learned: a pattern grammar, over letters and over words, and the synthetic instruction-following tasks."""

from .drawing import alike_patterns, random_pattern
from .examples import Split
from .instructions import InstructionDataset, make_instruction_dataset
from .patterns import Pattern, PatternError
from .tokenizer import SPELL, WordTokenizer
from .vocabulary import END, PAD, SEPARATOR, Vocabulary
from .word_patterns import WordPattern

__all__ = [
    "END",
    "PAD",
    "SEPARATOR",
    "SPELL",
    "InstructionDataset",
    "Pattern",
    "PatternError",
    "Split",
    "Vocabulary",
    "WordPattern",
    "WordTokenizer",
    "alike_patterns",
    "make_instruction_dataset",
    "random_pattern",
]
