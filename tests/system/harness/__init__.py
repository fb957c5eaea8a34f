"""What the black-box tests are made of: a private broker, fake agents, foreign peers and the program itself."""
