"""Texture of bone in the plane: local patterns, variogram, Hurst exponent, gaps, density."""
