"""Names of layers that those who make tables of features and those who read them must both know."""

# The layer of a card, and the table, that is no view: what a network's head says of ImageNet's thousand classes.
CLASSES = "classes"
