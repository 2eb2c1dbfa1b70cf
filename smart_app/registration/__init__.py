"""What whoever runs the app and whoever runs an EHR need to know of a registration."""
