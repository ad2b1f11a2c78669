"""Everything that uses MLflow: writing runs in the background, the store, the registry, and reading runs."""
