"""An image in, measurements out: reading, quality, pre-processing, geometry, texture."""
