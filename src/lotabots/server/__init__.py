"""The composition root: which services a process runs."""
