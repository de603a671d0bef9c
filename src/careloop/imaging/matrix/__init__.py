"""Texture matrices of discretised images: how often what stands beside what."""
