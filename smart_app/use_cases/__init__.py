"""What a user can do, one file each; `ports` says what these need from the world."""
