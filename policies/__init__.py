"""The workstation side: datasets, networks, the value-gradient flow, and its training, in torch."""
