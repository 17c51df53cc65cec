"""What is known of a chest, without torch: outlines, landmarks, derived regions, measurements."""
