"""Measuring images: one, many, as a table, as facts, and as a step of scikit-learn."""
