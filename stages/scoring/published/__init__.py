"""Published scores as data, and ours beside them."""
