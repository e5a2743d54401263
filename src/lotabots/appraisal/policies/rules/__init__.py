"""The rules of the built-in policies, by the kind of evidence that they are about."""
