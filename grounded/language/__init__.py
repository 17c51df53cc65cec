"""What sentences say: findings, sides and comparisons in them, templates, right and left in one."""
