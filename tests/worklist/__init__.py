"""The procedures of the worklist and of the page of a patient."""
