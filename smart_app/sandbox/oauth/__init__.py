"""The SMART authorization server (SMART App Launch 2.2): launches, grants, client authentication, routes."""
