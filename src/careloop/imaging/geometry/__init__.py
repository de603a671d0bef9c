"""Geometry of bone on a given mask: axes, radiogrammetry, wrist angles, hip structure, sections."""
