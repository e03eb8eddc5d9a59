"""What a run would do, take and cost."""
