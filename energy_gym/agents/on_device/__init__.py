"""Training where the environment is compiled too: rejax on the reading in JAX, behind the agents' protocol."""
