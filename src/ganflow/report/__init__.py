"""The report: its page, its figures and the model cards."""
