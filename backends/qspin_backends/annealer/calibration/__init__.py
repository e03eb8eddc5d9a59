"""What is learned of a device beside the problem, from programmings bought for it: shims, readout, drift."""
