"""Every decision as an entry, appended in the transaction that makes it."""
