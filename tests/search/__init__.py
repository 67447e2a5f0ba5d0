"""Models and what is known of them, by the stored procedures, on made-up features."""
