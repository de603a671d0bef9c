"""careloop: a closed-loop care platform for chronic disease, osteoporosis first.

Importing this package costs next to nothing: every room is imported by whoever needs it.
"""

__version__ = "0.1.0"
