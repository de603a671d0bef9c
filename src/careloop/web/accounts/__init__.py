"""Who works where, what they may do, and the one gate to every person's data."""
