"""A plan in; the day's lists, dated tasks and their outcome out."""
