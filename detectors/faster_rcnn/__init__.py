"""torchvision's Faster R-CNN as a detector of regions."""
