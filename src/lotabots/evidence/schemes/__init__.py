"""Every evidence scheme we can verify, one line each."""
