"""MLflow's side of things: the store, what a run says of itself, the registry, and runs read back."""
