"""What keeps an installation running, and what tells whether it is whole."""
