"""Users, passwords and the tokens they get."""
