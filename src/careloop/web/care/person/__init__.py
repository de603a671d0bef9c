"""A resident's page: everything known, the plan, and what is decided on it."""
