"""What a resident sees of their own record."""
