"""Bone density entered by hand or read from a photographed report."""
