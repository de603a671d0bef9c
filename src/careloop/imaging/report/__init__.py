"""DXA reports: a PDF, a scanned page or a photograph in, values with their place on the page out."""
