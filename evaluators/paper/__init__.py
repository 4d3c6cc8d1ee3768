"""Tables 1 to 5 of Qi et al. (2024), run again through the product's own screening, trainer and engine.

On the miniature they show the machinery truthfully and prove nothing about large models.
"""
