"""The working day: lists, visits, calls, referrals, decisions on plans."""
