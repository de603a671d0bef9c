"""Who is registered and what is known about them: persons, sources, facts."""
