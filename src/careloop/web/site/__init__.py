"""What every page shares: frame, style, languages, errors, protection headers."""
