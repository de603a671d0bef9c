"""Pages to hand over: HTML and PDF."""
