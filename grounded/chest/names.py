"""The organs of the chest that networks outline, under the names of the Chest-29 atlas."""

RIGHT_LUNG, LEFT_LUNG, HEART = "right lung", "left lung", "cardiac silhouette"
RIGHT_CLAVICLE, LEFT_CLAVICLE = "right clavicle", "left clavicle"
LUNGS = (RIGHT_LUNG, LEFT_LUNG)
ORGANS = (*LUNGS, HEART, RIGHT_CLAVICLE, LEFT_CLAVICLE)
"""In the order of the outputs of the network that outlines them."""
