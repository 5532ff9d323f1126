"""The methods of RecommendationsDB by subject; each is one transaction over a function of the store."""
