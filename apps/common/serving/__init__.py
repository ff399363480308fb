"""`manage.py serve` in its parts: `city` is the whole, the others are what it is made of."""
