"""From pictures and a recipe to trained weights."""
