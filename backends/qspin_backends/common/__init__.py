"""What backends share: paid answers and the patience to get them, effective temperatures, small kernels."""
