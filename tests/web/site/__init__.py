"""The frame of the site: errors, headers, hosts."""
