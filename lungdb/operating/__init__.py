"""What keeps an installation running."""
