"""Synthetic images whose answers are known."""
