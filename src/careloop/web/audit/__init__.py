"""Who did what to whose data, when: append-only and chained by hashes."""
