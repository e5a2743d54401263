"""The program on a node: it proves the node again and again, and reports what the node says."""
