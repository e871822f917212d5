"""Train ensembles of GANs; knows no scoring."""
