"""The maintainers' commands: `python -m cifar_lab.maintain`."""
