"""What leaklint knows of the libraries that people use: data with a reason, in TOML tables."""
