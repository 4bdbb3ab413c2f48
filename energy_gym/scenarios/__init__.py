"""One file per registered id; the docstring of its class is its documentation page."""
