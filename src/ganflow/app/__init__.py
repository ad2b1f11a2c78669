"""`ganflow app`: trained models on a page of this machine."""
