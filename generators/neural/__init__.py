"""The shipped generator: findings are read in each region and put in words."""
