"""minicluster: a GPT trained by hand-written backprop, and why its hidden states cluster by task."""

__version__ = "0.1.0"
