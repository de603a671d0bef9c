"""Logging in, accounts, users, breaking the glass."""
