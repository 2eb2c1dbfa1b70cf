"""What each rule looks for, a file for each family; `rows` says of each what it is and where it comes from."""
