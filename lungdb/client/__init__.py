"""The client: a database of lungdb as data frames and arrays, for notebooks and scripts. `lungdb.open` makes one.

It calls the procedures and reads the views that everybody else uses; nothing is computed here a second time.
"""

from lungdb.client.batches import Batch
from lungdb.client.database import Database
from lungdb.client.procedures import Outcome, Procedure, Procedures
from lungdb.client.records import Model, Scan

__all__ = ["Batch", "Database", "Model", "Outcome", "Procedure", "Procedures", "Scan"]
