"""What the suite stands on: real programs, a real cloud server, and clients that say exactly what they mean to."""
