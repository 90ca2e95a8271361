"""What is learned: a pattern grammar and the synthetic instruction-following tasks."""

from .instructions import InstructionDataset, Split, make_instruction_dataset, random_pattern
from .patterns import Pattern, PatternError
from .vocabulary import PAD, SEPARATOR, Vocabulary

__all__ = [
    "PAD",
    "SEPARATOR",
    "InstructionDataset",
    "Pattern",
    "PatternError",
    "Split",
    "Vocabulary",
    "make_instruction_dataset",
    "random_pattern",
]
