"""Features and nodules of scans as volumes."""
