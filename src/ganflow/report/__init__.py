"""What people look at: figures, the report, model cards, and what pages are made of."""
