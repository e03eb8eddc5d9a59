"""Tasks in several processes of this machine."""
