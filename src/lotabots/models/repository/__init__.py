"""What the texts of a model repository say and ask for: each check is one module here."""
