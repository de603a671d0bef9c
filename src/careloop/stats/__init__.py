"""Statistics over plain arrays: no patients, no dictionary."""
