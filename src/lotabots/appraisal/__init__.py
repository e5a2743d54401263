"""Claims held against a policy: every finding, one verdict, replayable by anyone."""
