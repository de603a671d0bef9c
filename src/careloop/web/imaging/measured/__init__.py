"""Measured images: sent, measured apart, confirmed, kept without a name, shown and withdrawn."""
