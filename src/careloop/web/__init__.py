"""The Django project: what a site needs on top of the library. Nothing below imports it."""
