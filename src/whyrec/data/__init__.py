"""Events and items: the data set, its readers, its cleaning and the simulated shop."""
