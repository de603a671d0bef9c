"""Worklists, calls and referrals: whom to turn to today."""
