"""Visits: questions of the programme asked, answers kept as facts."""
