"""Making language models: the phrase grammar, the corpus, training and export."""
