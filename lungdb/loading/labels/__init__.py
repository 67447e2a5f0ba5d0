"""Labels of patients and scans, and nodules that readers marked: a module for each form that archives deliver."""
