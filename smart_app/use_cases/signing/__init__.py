"""What is signed: a session, its amendments, a missed one, and what is taken back."""
