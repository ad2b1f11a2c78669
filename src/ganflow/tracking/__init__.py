"""MLflow, all of it: what a run says, the writer behind it, the store, the registry, and runs read back."""
