"""Who may do what: roles, permissions, and the strict profile of user tokens."""
