"""Tests of the worklists, calls, referrals and numbers."""
