"""External scripts, in processes of their own."""
