"""What the workloads look like in each peer, as its users would write them."""
