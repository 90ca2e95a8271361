"""What is learned: a pattern grammar and the synthetic instruction-following tasks."""

from .drawing import alike_patterns, random_pattern
from .examples import Split
from .instructions import InstructionDataset, make_instruction_dataset
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
    "alike_patterns",
    "make_instruction_dataset",
    "random_pattern",
]
