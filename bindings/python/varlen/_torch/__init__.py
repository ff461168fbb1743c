"""What the doors for torch have in common: tensors as the library sees them, calls, autograd, operators."""
