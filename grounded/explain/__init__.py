"""Where in the radiograph a sentence comes from: places, gradient, occlusion, attention."""
