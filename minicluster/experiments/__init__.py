"""One module a claim: trains, records, clusters, measures, returns plain results."""

from .reproduce import reproduce, table
from .run import Recording, Setup, prepare, train_and_record
from .settings import Settings

__all__ = ["Recording", "Settings", "Setup", "prepare", "reproduce", "table", "train_and_record"]
