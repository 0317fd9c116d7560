"""Why an item was recommended: contributions, counterfactuals and attested facts."""
