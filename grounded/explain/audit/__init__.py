"""Whether a sentence rests on the film, and on its place in it: alter the film, read it again."""
