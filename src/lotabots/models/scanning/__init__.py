"""The scan of a model's files: what each is by its content, and what all say together."""
