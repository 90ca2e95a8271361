"""What is learned: the synthetic instruction-following tasks, and questions about real places; and the patterns,
over letters and over words, that instructions and questions are drawn from."""

from .drawing import alike_patterns, random_pattern
from .examples import Dataset, Split
from .geography import GeographyDataset, make_geography_dataset
from .instructions import InstructionDataset, make_instruction_dataset
from .patterns import Pattern, PatternError
from .places import ATTRIBUTES, Place, find_places, load_places
from .tokenizer import SPELL, WordTokenizer
from .vocabulary import END, PAD, SEPARATOR, Vocabulary
from .word_patterns import WordPattern

__all__ = [
    "ATTRIBUTES",
    "END",
    "PAD",
    "SEPARATOR",
    "SPELL",
    "Dataset",
    "GeographyDataset",
    "InstructionDataset",
    "Pattern",
    "PatternError",
    "Place",
    "Split",
    "Vocabulary",
    "WordPattern",
    "WordTokenizer",
    "alike_patterns",
    "find_places",
    "load_places",
    "make_geography_dataset",
    "make_instruction_dataset",
    "random_pattern",
]
