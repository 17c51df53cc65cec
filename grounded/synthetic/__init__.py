"""Made-up films and lesions: painted into real films, or whole phantoms with their reports."""
