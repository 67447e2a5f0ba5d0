"""Dense networks score and learn with T-SQL alone."""
