"""The database: one request is one transaction, under one tenant."""

from lotabots.runtime.database.failures import coded_failures
from lotabots.runtime.database.line import Line
from lotabots.runtime.database.pool import Database
from lotabots.runtime.database.transaction import Row, Transaction

__all__ = ["Database", "Line", "Row", "Transaction", "coded_failures"]
