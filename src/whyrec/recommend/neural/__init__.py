"""Neural recommenders in PyTorch (extra `neural`): an autoencoder and a sequence model."""
