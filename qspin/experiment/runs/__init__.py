"""What there is below a path: runs, rows of their tables, and what may go."""
