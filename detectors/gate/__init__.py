"""Whether a picture is one frontal chest film, and how it lies: the check before the detector."""
