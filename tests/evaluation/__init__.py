"""Models measured on data sets, and patients who came later compared with those tested, by the stored procedures."""
