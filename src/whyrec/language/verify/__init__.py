"""The verifier: reads any text about a (user, item) pair and says which claim supports each sentence."""
