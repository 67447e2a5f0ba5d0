"""Networks known by name: ResNet, AlexNet, and the catalog of what can be had."""
