"""Where in the radiograph a sentence comes from: places, evidence map, gradient, occlusion."""
