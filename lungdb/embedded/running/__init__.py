"""Running a batch: sessions, statements, events, and DB-API 2.0 on top."""
