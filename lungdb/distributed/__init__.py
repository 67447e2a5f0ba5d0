"""Work past one machine, on Apache Spark: features of folders, and training on tables, that are too large for one.

Needs the extra `spark` and Java. Nothing that a stored procedure imports comes here.
"""
