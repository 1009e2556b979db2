"""The user's documents. `base.py` is the face that the rest of the product sees."""
