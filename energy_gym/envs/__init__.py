"""The environments: one episode on floats, and a batch of thousands on arrays."""
