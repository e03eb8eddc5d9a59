"""Which qubits of a device stand for the spins of a problem: found, chosen, copied over the chip, kept."""
